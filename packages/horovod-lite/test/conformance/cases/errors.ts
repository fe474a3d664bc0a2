import { rejected } from '../../support/calls'
import { type Cases, manyRanks, type World } from '../case'
import { expectEqual, expectRaises, expectSame } from '../tools'

/** All go on after an error. */
function goesOn({ hvd, tf, size }: World): void {
  expectEqual(hvd.allreduce(tf.ones([2]), { name: 'after', op: 'Sum' }), [size, size], [2], 'float32')
}

/** A call that differs on rank 1 only (`odd`), or is wrong everywhere. */
const raises = (call: (world: World & { odd: boolean }) => unknown, message: RegExp) =>
  manyRanks((world) => {
    expectRaises(world, () => call({ ...world, odd: world.rank === 1 }), message)
    goesOn(world)
  })

/** Horovod's: two of a name at once, first on rank 0, then on the others. */
const duplicate = (submit: (world: World, name: string) => Promise<unknown>) =>
  manyRanks(async (world) => {
    const { hvd, rank } = world
    const both = async () => {
      const first = submit(world, 'twice')
      const message = await rejected(submit(world, 'twice'))
      if (!/twice while another of this name/.test(message)) throw new Error(`got ${message}`)
      return first
    }
    const early = rank === 0 ? both() : undefined
    hvd.barrier()
    await (early ?? both())
    hvd.barrier()
    await submit(world, 'twice') // the name is free again
  })

export const errors: Cases = {
  'allreduce: another dimension': raises(
    ({ hvd, tf, rank }) => hvd.allreduce(tf.ones([17 + rank, 17 + rank, 17 + rank])),
    /allreduce\.noname\.\d+: .*shape \[17,17,17\] on rank 0 .*\[18,18,18\] on rank 1;/,
  ),
  'allreduce: as many numbers in another shape': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones(odd ? [17, 23, 57] : [17, 23 * 57]), { name: 'x' }),
    /allreduce x: .*shape \[17,1311\] on ranks? 0.* and \[17,23,57\] on rank 1;/,
  ),
  'allreduce: another dtype': raises(
    ({ hvd, tf, rank }) => hvd.allreduce(tf.ones([17, 17], rank % 2 ? 'int32' : 'float32'), { name: 'x' }),
    /allreduce x: .*float32 on ranks? 0(, 2)? and int32 on ranks? 1(, 3)?;/,
  ),
  'allreduce: another reduction': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones([2]), { name: 'x', op: odd ? 'Max' : 'Min' }),
    /allreduce x: .*op Min on ranks? 0.* and Max on rank 1/,
  ),
  'allreduce: a sum and an average': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones([2]), { name: 'x', op: odd ? 'Average' : 'Sum' }),
    /allreduce x: .*op Sum on ranks? 0.* and Average on rank 1/,
  ),
  'allreduce: another prescale factor': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones([2]), { name: 'x', prescaleFactor: odd ? 2 : 1 }),
    /allreduce x: .*prescaleFactor 1 on ranks? 0.* and 2 on rank 1/,
  ),
  'allreduce: another postscale factor': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones([2]), { name: 'x', postscaleFactor: odd ? 2 : 1 }),
    /allreduce x: .*postscaleFactor 1 on ranks? 0.* and 2 on rank 1/,
  ),
  'allreduce: another compression': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones([2]), { name: 'x', compression: odd ? 'fp16' : 'none' }),
    /allreduce x: .*float32 on ranks? 0.* and float16 on rank 1/,
  ),
  'allreduce: large tensors of other sizes': raises(
    ({ hvd, tf, odd }) => hvd.allreduce(tf.ones([odd ? 100_000 : 50_000]), { name: 'x' }),
    /allreduce x: .*\[50000\] on ranks? 0.* and \[100000\] on rank 1/,
  ),
  'allreduce: dtypes without a reduction': raises(({ hvd, tf }) => hvd.allreduce(tf.tensor1d(['a'])), /string/),
  'allreduce: reductions that a dtype has not': {
    run(world) {
      const { hvd, tf } = world
      expectRaises(world, () => hvd.allreduce(tf.ones([1], 'bool')), /Average of a bool tensor, expected op: Sum/)
      expectRaises(world, () => hvd.allreduce(tf.complex([1], [1]), { op: 'Max' }), /Max of a complex64 tensor/)
      goesOn(world)
    },
  },
  'allreduce in a group: another number of tensors': raises(
    ({ hvd, tf, odd }) => hvd.groupedAllreduce(Array(odd ? 2 : 3).fill(tf.ones([1])), { name: 'group' }),
    /allreduce group: .*3 tensors \(with group\.2\) on ranks? 0.* and 2 tensors \(without group\.2\) on rank 1/,
  ),
  'allreduce in a group: another name': raises(
    ({ hvd, tf, odd }) =>
      hvd.groupedAllreduce([tf.ones([1]), tf.ones([1])], { name: 'group', names: ['a', odd ? 'c' : 'b'] }),
    /allreduce group: .*the tensor b on ranks? 0.* and c on rank 1/,
  ),
  'allreduce in a group: the shape of one': raises(
    ({ hvd, tf, odd }) => hvd.groupedAllreduce([tf.ones([1]), tf.ones([odd ? 2 : 1])], { name: 'group' }),
    /allreduce group: .*shape of group\.1 \[1\] on ranks? 0.* and \[2\] on rank 1/,
  ),
  'allreduce in a group: the dtype of one': raises(
    ({ hvd, tf, odd }) =>
      hvd.groupedAllreduce([tf.ones([1]), tf.ones([1], odd ? 'int32' : 'float32')], { name: 'group' }),
    /different calls: .*allreduce group on ranks? 0.*; allreduce group\.float32 on rank 1; allreduce group\.int32 on rank 1/,
  ),

  'allgather: another dimension than the first': raises(
    ({ hvd, tf, rank }) => hvd.allgather(tf.ones([17, 10 * (rank + 1), 17]), { name: 'rows' }),
    /allgather rows: .*\[17,10,17\] on rank 0 and \[17,20,17\] on rank 1; all dimensions but the first/,
  ),
  'allgather: another dtype': raises(
    ({ hvd, tf, odd }) => hvd.allgather(tf.ones([17], odd ? 'int32' : 'float32'), { name: 'rows' }),
    /allgather rows: .*float32 on ranks? 0.* and int32 on rank 1/,
  ),
  'allgather: a scalar': raises(({ hvd, tf }) => hvd.allgather(tf.scalar(1)), /got a scalar, expected at least one/),

  'broadcast: another dimension': raises(
    ({ hvd, tf, rank }) => hvd.broadcast(tf.ones([17, 10 * (rank + 1), 17]), { name: 'weights' }),
    /broadcast weights: .*\[17,10,17\] on rank 0 and \[17,20,17\] on rank 1/,
  ),
  'broadcast: another dtype': raises(
    ({ hvd, tf, odd }) => hvd.broadcast(tf.ones([17], odd ? 'int32' : 'float32'), { name: 'weights' }),
    /broadcast weights: .*float32 on ranks? 0.* and int32 on rank 1/,
  ),
  'broadcast: every rank another root': raises(
    ({ hvd, tf, rank }) => hvd.broadcast(tf.ones([17]), { root: rank, name: 'weights' }),
    /broadcast weights: .*root 0 on rank 0 and 1 on rank 1/,
  ),
  'broadcast: a root that is none': raises(
    ({ hvd, tf, size }) => hvd.broadcast(tf.ones([1]), { root: size }),
    /root: got \d, expected a rank from 0 to \d/,
  ),
  'broadcastVariables: other names': raises(({ hvd, tf, odd }) => {
    const variable = tf.variable(tf.ones([1]), true, `${odd ? 'odd' : 'even'} weight`)
    try {
      hvd.broadcastVariables([variable])
    } finally {
      variable.dispose()
    }
  }, /broadcast\.noname\.\d+: .*the tensor even weight on ranks? 0.* and odd weight on rank 1/),
  'broadcastObject: another root': raises(
    ({ hvd, odd }) => hvd.broadcastObject(1, { root: odd ? 1 : 0, name: 'object' }),
    /object: .*root 0 on ranks? 0.* and 1 on rank 1/,
  ),

  'alltoall: another dtype': raises(
    ({ hvd, tf, size, odd }) => hvd.alltoall(tf.ones([size], odd ? 'int32' : 'float32'), undefined, { name: 'parts' }),
    /alltoall parts: .*float32 on ranks? 0.* and int32 on rank 1/,
  ),
  'alltoall: another dimension than the first': raises(
    ({ hvd, tf, size, rank }) => hvd.alltoall(tf.ones([2 * size, 10 * (rank + 1)]), undefined, { name: 'parts' }),
    /alltoall parts: .*,10\] on rank 0 and .*,20\] on rank 1; all dimensions but the first/,
  ),
  'alltoall: rows that cannot be shared evenly': raises(
    ({ hvd, tf, size }) => hvd.alltoall(tf.ones([size + 1])),
    /splits: got .*, expected \d whole numbers with sum \d: one for each rank/,
  ),
  'alltoall: splits of more or fewer rows than there are': raises(({ hvd, tf, size }) => {
    hvd.alltoall(tf.ones([size - 1]), Array(size).fill(1))
  }, /splits: got \[1,1.*\], expected \d whole numbers with sum \d/),
  'alltoall: splits that are no whole numbers': raises(
    ({ hvd, tf, size }) => hvd.alltoall(tf.ones([size]), [0.5, 1.5, ...Array(size - 2).fill(1)]),
    /splits: got \[0\.5,1\.5.*\], expected/,
  ),
  'alltoall: splits below zero, or too few': raises(({ hvd, tf, size }) => {
    hvd.alltoall(tf.ones([size]), [-1, 3, ...Array(size - 2).fill(1)])
  }, /splits: got \[-1,3/),

  'one name for two operations': raises(
    ({ hvd, tf, odd }) =>
      odd ? hvd.allgather(tf.ones([2]), { name: 'both' }) : hvd.allreduce(tf.ones([2]), { name: 'both' }),
    /both: .*allreduce on ranks? 0.* and allgather on rank 1; a name belongs to one operation/,
  ),
  'names that differ: all wait, and all are told who waits for what': raises(
    ({ hvd, tf, rank }) => hvd.allreduce(tf.ones([2]), { name: `layer ${rank}` }),
    /different calls: .*allreduce layer 0 on rank 0; .*allreduce layer 1 on rank 1/,
  ),
  'calls that differ: all wait, and all are told who waits for what': raises(
    ({ hvd, tf, odd }) => (odd ? hvd.barrier({ name: 'end' }) : hvd.allreduce(tf.ones([2]), { name: 'step' })),
    /different calls: .*barrier end on rank 1/,
  ),
  'asynchronous operations that differ reject on every rank; others under way are not touched': manyRanks(
    async ({ hvd, tf, rank, size }) => {
      const good = hvd.allreduceAsync(tf.ones([3]), { name: 'good', op: 'Sum' })
      const bad = rejected(hvd.allreduceAsync(tf.ones([rank + 1]), { name: 'bad', op: 'Sum' }))
      const message = await bad
      if (!/allreduce bad: .*\[1\] on rank 0 and \[2\] on rank 1/.test(message)) throw new Error(`got ${message}`)
      expectEqual(await good, [size, size, size], [3], 'float32')
      expectSame(new Set(hvd.allgatherObject(message)).size, 1)
    },
  ),

  'a name twice at once: allreduce': duplicate(({ hvd, tf }, name) => hvd.allreduceAsync(tf.ones([17]), { name })),
  'a name twice at once: allgather': duplicate(({ hvd, tf }, name) => hvd.allgatherAsync(tf.ones([17]), { name })),
  'a name twice at once: broadcast': duplicate(({ hvd, tf }, name) => hvd.broadcastAsync(tf.ones([17]), { name })),
  'a name twice at once: alltoall': duplicate(({ hvd, tf, size }, name) =>
    hvd.alltoallAsync(tf.ones([size]), undefined, { name }),
  ),
}

import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { pause, raised, rejected } from '../support/calls'

// Scenarios of the tests in test/collectives: their names are the first argument. Prints what came of each as JSON.

const numbers = (tensor: tf.Tensor): number[] => {
  const values = [...tensor.dataSync()]
  tensor.dispose()
  return values
}

/** Counts what is read back while `body` runs. */
function reads(body: () => void): number {
  const engine = tf.engine()
  const { readSync } = engine
  let count = 0
  engine.readSync = (id) => {
    count++
    return readSync.call(engine, id)
  }
  try {
    body()
  } finally {
    engine.readSync = readSync
  }
  return count
}

const sum = (values: number[], name?: string) =>
  numbers(tf.tidy(() => hvd.allreduce(tf.tensor1d(values), { op: 'Sum', name })))

const scenarios: Record<string, (...args: string[]) => unknown> = {
  /** Gradients through each operation, of the sum of its result times weights that differ between ranks. */
  async gradients() {
    await hvd.init()
    const [rank, size] = [hvd.rank(), hvd.size()]
    const gradient = (x: tf.Tensor, through: (x: tf.Tensor) => tf.Tensor) =>
      numbers(
        tf.tidy(() => {
          const weighted = (y: tf.Tensor) => tf.mul(y, tf.add(tf.reshape(tf.range(0, y.size), y.shape), 10 ** rank))
          return tf.grad((x) => tf.sum(weighted(through(x))))(x)
        }),
      )
    const before = tf.memory().numTensors
    const pair = tf.tensor1d([1, 2])
    const rows = tf.ones([rank + 1, 2])
    const all = {
      average: gradient(pair, (x) => hvd.allreduce(x, { name: 'named' })),
      scaled: gradient(pair, (x) => hvd.allreduce(x, { op: hvd.Sum, prescaleFactor: 2, postscaleFactor: 0.25 })),
      broadcast: gradient(pair, (x) => hvd.broadcast(x, { root: size - 1 })),
      allgather: gradient(rows, (x) => hvd.allgather(x)),
      // each rank keeps one row and sends the others to the next rank
      alltoall: gradient(rows, (x) => {
        const splits = Array.from({ length: size }, (_, to) => (to === rank ? 1 : to === (rank + 1) % size ? rank : 0))
        return hvd.alltoall(x, splits).output
      }),
    }
    const leaked = tf.memory().numTensors - before - 2
    return { ...all, leaked, max: raised(() => gradient(pair, (x) => hvd.allreduce(x, { op: hvd.Max }))) }
  },

  /** Asynchronous operations, submitted in another order on each rank, while blocking ones go on. */
  async orders() {
    await hvd.init()
    const [rank, size] = [hvd.rank(), hvd.size()]
    const before = tf.memory().numTensors
    const results: number[][] = []
    for (let round = 0; round < 5; round++) {
      const order = Array.from({ length: 12 }, (_, i) => (i * 5 + rank * 7 + round) % 12)
      const under = order.map(async (i) => {
        const tensor = tf.fill([1 + i], i + rank)
        const reduced =
          i % 3 === 2
            ? await hvd.allgatherAsync(tensor, { name: `gather ${i}` })
            : await hvd.allreduceAsync(tensor, { name: `reduce ${i}`, op: 'Sum' })
        tensor.dispose()
        return [i, ...numbers(reduced)]
      })
      const between = sum([round]) // blocks while the others are under way
      const done = (await Promise.all(under)).sort(([a], [b]) => a! - b!)
      const expected = Array.from({ length: 12 }, (_, i) => {
        const each = Array.from({ length: size }, (_, r) => i + r)
        const whole = each.reduce((a, b) => a + b)
        return i % 3 === 2
          ? [i, ...each.flatMap((value) => Array<number>(1 + i).fill(value))]
          : [i, ...Array<number>(1 + i).fill(whole)]
      })
      if (JSON.stringify(done) !== JSON.stringify(expected)) results.push(...done)
      if (between[0] !== round * size) results.push(between)
    }
    return { wrong: results, leaked: tf.memory().numTensors - before }
  },

  /** Small operations of several kinds at once, again and again at other times: which of them share a run is chance. */
  async fused() {
    await hvd.init()
    const values = (i: number, rank: number) =>
      Float32Array.from({ length: 50 + 37 * i }, (_, k) => Math.sin(1 + k * (i + 1) + rank) * 10 ** ((k + rank) % 5))
    const before = tf.memory().numTensors
    const bits = new Set<string>()
    for (let round = 0; round < 12; round++) {
      const under = Array.from({ length: 16 }, async (_, i) => {
        if ((i * 7 + round * 3 + hvd.rank()) % 5 === 0) await pause((i + round) % 4)
        const data = values(i, hvd.rank())
        const tensor = i % 4 === 3 ? tf.tensor1d(Int32Array.from(data), 'int32') : tf.tensor1d(data)
        const reduced = await hvd.allreduceAsync(tensor, { name: `small ${i}`, op: i % 4 === 2 ? 'Max' : 'Sum' })
        tensor.dispose()
        return numbers(reduced)
      })
      bits.add(JSON.stringify(await Promise.all(under)))
    }
    const [first] = [...bits]
    const reference = Array.from({ length: 16 }, (_, i) => {
      const each = Array.from({ length: hvd.size() }, (_, rank) => [...values(i, rank)])
      return each.reduce((a, b) =>
        a.map((x, k) =>
          i % 4 === 2 ? Math.max(x, b[k]!) : i % 4 === 3 ? Math.trunc(x) + Math.trunc(b[k]!) : x + b[k]!,
        ),
      )
    })
    const error = JSON.parse(first!).flatMap((got: number[], i: number) =>
      got.map((x, k) => Math.abs(x - reference[i]![k]!) / 1e4),
    )
    return { different: bits.size, error: Math.max(...error), leaked: tf.memory().numTensors - before }
  },

  /** Joins and leaves three worlds one after the other; rank 0 is late. */
  async again() {
    const worlds: unknown[] = []
    for (let world = 0; world < 3; world++) {
      await hvd.init()
      const late = sum([world])
      if (hvd.rank() === 0) await pause(300)
      worlds.push([hvd.rank(), hvd.size(), hvd.isInitialized(), ...late])
      await hvd.shutdown()
    }
    return { worlds, after: raised(() => hvd.rank()) }
  },

  /** Ends without shutdown, some ranks much later than others. */
  async natural() {
    await hvd.init()
    const result = sum([1])
    await pause(hvd.rank() * 250)
    return result
  },

  /** A rank ends in the way of `how` while the others wait for it. */
  async gone(who: string, how: string) {
    await hvd.init()
    sum([1])
    if (hvd.rank() === Number(who)) {
      await pause(100)
      if (how === 'kill') process.kill(process.pid, 'SIGKILL')
      if (how === 'throw') throw new Error('a mistake in the program')
      if (how === 'exit') process.exit(3)
      await hvd.shutdown() // how === 'shutdown'
      return null
    }
    const pending = rejected(hvd.allreduceAsync(tf.scalar(1), { name: 'asynchronous' }))
    const start = performance.now()
    const large = tf.ones([500_000])
    const blocking = raised(() => hvd.allreduce(large, { name: 'blocking' }))
    const seconds = (performance.now() - start) / 1000
    const told = {
      blocking,
      pending: await pending,
      later: raised(() => sum([1])),
      barrier: raised(hvd.barrier),
      join: raised(hvd.join),
    }
    await hvd.shutdown()
    return { ...told, seconds, pid: process.pid }
  },

  /** A rank is killed in the middle of large reductions. */
  async killed(who: string) {
    await hvd.init()
    if (hvd.rank() === Number(who)) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 150)
    const large = tf.ones([2_000_000])
    for (;;) {
      const start = performance.now()
      const message = raised(() => tf.dispose(hvd.allreduce(large)))
      if (message !== 'no error') return { message, seconds: (performance.now() - start) / 1000 }
      await pause(0)
    }
  },

  /** Calls that differ; after each error all go on. */
  async mismatches() {
    await hvd.init()
    const rank = hvd.rank()
    const one = rank === 1
    const attempts: Record<string, () => unknown> = {
      shape: () => hvd.allreduce(tf.ones(one ? [2, 3] : [3, 2]), { name: 'gradient' }),
      dtype: () => hvd.allreduce(tf.ones([2], one ? 'int32' : 'float32'), { name: 'gradient' }),
      op: () => hvd.allreduce(tf.ones([2]), { name: 'gradient', op: one ? 'Max' : 'Sum' }),
      averaged: () => hvd.allreduce(tf.ones([2]), { name: 'gradient', op: one ? 'Average' : 'Sum' }),
      factor: () => hvd.allreduce(tf.ones([2]), { name: 'gradient', postscaleFactor: one ? 0.5 : 1 }),
      compression: () => hvd.allreduce(tf.ones([2]), { name: 'gradient', compression: one ? 'fp16' : 'none' }),
      root: () => hvd.broadcast(tf.ones([2]), { name: 'weights', root: one ? 1 : 0 }),
      kind: () => (one ? hvd.allgather(tf.ones([2]), { name: 'both' }) : hvd.allreduce(tf.ones([2]), { name: 'both' })),
      rows: () => hvd.allgather(tf.ones([2, one ? 2 : 3]), { name: 'rows' }),
      ranksOfShape: () => hvd.alltoall(tf.ones(one ? [6] : [6, 1]), undefined, { name: 'split' }),
      group: () => hvd.groupedAllreduce(one ? [tf.ones([1])] : [tf.ones([1]), tf.ones([2])], { name: 'group' }),
      strings: () => hvd.broadcast(one ? tf.tensor1d(['a', 'b']) : tf.tensor2d([['a', 'b']]), { name: 'strings' }),
      object: () => hvd.broadcastObject(1, { root: one ? 1 : 0 }),
      names: () => hvd.allreduce(tf.ones([1]), { name: `layer ${rank}` }),
      unequalCalls: () => (one ? hvd.barrier() : hvd.allreduce(tf.ones([1]))),
    }
    return Object.fromEntries(
      Object.entries(attempts).map(([what, attempt]) => {
        const message = tf.tidy(() => raised(() => void attempt()))
        return [what, { message, after: sum([1, rank], 'after') }]
      }),
    )
  },

  /** One name twice at once, here only. */
  async twice() {
    await hvd.init()
    const x = tf.scalar(1)
    const first = hvd.allreduceAsync(x, { name: 'same' })
    const second = await rejected(hvd.allreduceAsync(x, { name: 'same' }))
    await first
    return { second, again: sum([1], 'same') }
  },

  /** Rank 1 comes late by `seconds`. */
  async late(seconds: string) {
    await hvd.init()
    if (hvd.rank() === 1) await pause(Number(seconds) * 1000)
    const message = raised(() => sum([1], 'waited for'))
    if (hvd.rank() === 0) process.stderr.write('over\n')
    return { message }
  },

  /** Ranks have other numbers of batches, two times over; the reductions are large and small. */
  async join() {
    await hvd.init()
    const before = tf.memory().numTensors
    const rank = hvd.rank()
    const epochs = [0, 1].map((epoch) => {
      const batches = 2 + ((rank + epoch) % hvd.size())
      const steps = Array.from({ length: batches }, (_, step) => {
        const small = (op: hvd.ReduceOp) =>
          numbers(tf.tidy(() => hvd.allreduce(tf.tensor1d([rank + 2, -rank - 2]), { name: `${op} ${step}`, op })))
        const large = tf.fill([40_000], rank + 1)
        const reduced = numbers(hvd.allreduce(large, { name: `large ${step}` }))
        large.dispose()
        const bools = numbers(
          tf.tidy(() => hvd.allreduce(tf.tensor1d([true, false], 'bool'), { name: `bools ${step}`, op: 'Product' })),
        )
        return [small('Sum'), small('Min'), small('Max'), small('Product'), [reduced[0], reduced[39_999]], bools]
      })
      return { steps, last: hvd.join() }
    })
    return { epochs, after: sum([1]), leaked: tf.memory().numTensors - before }
  },

  /** What no rank can do while another has joined. */
  async joined() {
    await hvd.init()
    if (hvd.rank() === 1) return { last: hvd.join() }
    const refused = raised(() => hvd.allgather(tf.ones([1]), { name: 'rows' }))
    hvd.barrier()
    return { refused, last: hvd.join() }
  },

  /** Leaves while an operation is under way that the others never submit. */
  async leaving() {
    await hvd.init()
    const never = hvd.rank() === 0 ? rejected(hvd.allreduceAsync(tf.scalar(1), { name: 'never' })) : null
    await hvd.shutdown()
    return await never
  },

  /** Rank 0 leaves as soon as it is there. */
  async brief() {
    await hvd.init()
    const message = hvd.rank() === 0 ? null : raised(() => sum([1]))
    await hvd.shutdown()
    return message
  },

  async strings() {
    await hvd.init()
    const rank = hvd.rank()
    const own = tf.tensor1d(
      Array.from({ length: rank }, (_, i) => `${'é'.repeat(i)} of ${rank}`),
      'string',
    )
    const all = hvd.allgather(own)
    const sent = hvd.broadcast(tf.tensor2d([[`${rank}`, 'x'.repeat(rank)]]), { root: 1 })
    const rows = tf.tensor2d(Array.from({ length: hvd.size() }, (_, to) => [`${rank} to ${to}`, '']))
    const { output, receivedSplits } = hvd.alltoall(rows)
    const variables = [
      tf.variable(tf.tensor1d([`of ${rank}`])),
      tf.variable(tf.scalar(rank)),
      tf.variable(tf.scalar(rank, 'int32')),
    ]
    hvd.broadcastVariables(variables, { root: 1 })
    return {
      all: [all.shape, ...all.dataSync()],
      sent: [sent.shape, ...sent.dataSync()],
      output: [output.shape, ...output.dataSync()],
      receivedSplits,
      variables: variables.map((variable) => variable.dataSync()[0]),
    }
  },

  /** Objects that structuredClone copies, whose sizes differ. */
  async objects() {
    await hvd.init()
    const rank = hvd.rank()
    const value = { rank, of: new Map([[rank, new Float64Array(rank * 1000)]]), at: new Date(rank), none: undefined }
    const sent = hvd.broadcastObject(value, { root: hvd.size() - 1 })
    const all = hvd.allgatherObject(value)
    return {
      sent: [sent.rank, sent.of.get(sent.rank)!.length, sent.at.getTime(), 'none' in sent],
      all: all.map(({ rank, of }) => [rank, of.get(rank)!.length]),
    }
  },

  /** Rows without numbers, groups without tensors, tensors without rows. */
  async empty() {
    await hvd.init()
    const rank = hvd.rank()
    const shapes = tf.tidy(() => [
      hvd.allgather(tf.zeros([rank, 0])).shape,
      hvd.allgather(tf.zeros([0, 3])).shape,
      hvd.allgather(tf.zeros([rank === 1 ? 2 : 0, 3], 'int32')).shape,
      hvd.allreduce(tf.zeros([0, 3])).shape,
      hvd.broadcast(tf.zeros([3, 0])).shape,
      hvd.alltoall(tf.zeros([hvd.size(), 0])).output.shape,
      hvd.allgather(tf.tensor([], [rank, 0], 'string')).shape,
      hvd.alltoall(tf.tensor([], [hvd.size(), 0], 'string')).output.shape,
    ])
    return { shapes, group: hvd.groupedAllreduce([]).length }
  },

  /** Read-backs of each operation; groups are read once a dtype. */
  async reads() {
    await hvd.init()
    const floats = Array.from({ length: 5 }, (_, i) => tf.ones([i + 1, 3]))
    const whole = [tf.ones([4], 'int32'), tf.ones([4], 'int32')]
    const root = hvd.rank() === 0 ? 1 : 0
    const counts = tf.tidy(() => ({
      one: reads(() => hvd.allreduce(floats[0]!)),
      group: reads(() => hvd.groupedAllreduce(floats, { prescaleFactor: 2 })),
      dtypes: reads(() => hvd.groupedAllreduce([floats[0]!, whole[0]!, floats[1]!, whole[1]!], { op: 'Sum' })),
      gather: reads(() => hvd.allgather(floats[1]!)),
      variables: reads(() => hvd.broadcastVariables(floats.map((tensor) => tf.variable(tensor)))) - root,
      alltoall: reads(() => hvd.alltoall(tf.ones([hvd.size()]))),
      object: reads(() => hvd.broadcastObject({ a: 1 })),
    }))
    return counts
  },

  async place() {
    await hvd.init()
    return [hvd.rank(), hvd.size(), hvd.localRank(), hvd.localSize(), hvd.crossRank(), hvd.crossSize(), ...sum([1])]
  },

  /** Over a transport that can do little. */
  async simple() {
    await hvd.init()
    const rank = hvd.rank()
    const results = [
      sum([rank, 1]),
      numbers(hvd.allgather(tf.fill([rank + 1], rank))),
      numbers(hvd.broadcast(tf.tensor1d([rank]), { root: 1 })),
      hvd.broadcastObject(rank, { root: 2 }),
    ]
    return {
      transport: hvd.transportName(),
      results,
      refused: raised(() => hvd.allreduce(tf.scalar(1), { op: 'Max' })),
    }
  },

  /** The background thread ends in the middle of an operation. */
  async ending(how = '') {
    await hvd.init()
    const one = tf.scalar(1)
    const message = how === 'waiting' ? raised(() => hvd.allreduce(one)) : await rejected(hvd.allreduceAsync(one))
    const later = raised(() => hvd.barrier())
    await hvd.shutdown()
    return { message, later }
  },

  async start() {
    const start = performance.now()
    const message = await rejected(hvd.init())
    return { message, seconds: (performance.now() - start) / 1000, initialized: hvd.isInitialized() }
  },
}

const [names, ...args] = process.argv.slice(2)
for (const name of names!.split(',')) console.log(JSON.stringify(await scenarios[name]!(...args)))

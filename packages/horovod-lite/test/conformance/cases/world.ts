import { raised } from '../../support/calls'
import { type Cases, manyRanks } from '../case'
import { expectEqual, expectSame } from '../tools'

export const world: Cases = {
  "the place in the world is the launcher's": ({ hvd, rank, size, ranks }) => {
    expectSame(hvd.isInitialized(), true)
    expectSame([hvd.rank(), hvd.size()], [rank, size])
    expectSame(hvd.allgatherObject(hvd.rank()), ranks)
    expectSame([hvd.localRank(), hvd.localSize(), hvd.crossRank(), hvd.crossSize()], [rank, size, 0, 1])
  },

  'init again changes nothing': async ({ hvd, size }) => {
    await hvd.init({ environment: {} })
    expectSame(hvd.size(), size)
  },

  'every operation leaves as many tensors as it found': async ({ hvd, tf, rank, size }) => {
    const [x, whole, rows] = [tf.ones([10]), tf.ones([10], 'int32'), tf.ones([size, 2])]
    const large = tf.ones([40_000])
    const variables = [tf.variable(tf.scalar(rank)), tf.variable(tf.ones([3], 'int32'))]
    const before = tf.memory().numTensors
    for (let i = 0; i < 3; i++) {
      tf.dispose(hvd.allreduce(x))
      tf.dispose(hvd.allreduce(large, { prescaleFactor: 2, postscaleFactor: 2 }))
      tf.dispose(hvd.groupedAllreduce([x, whole, large]))
      tf.dispose(hvd.allgather(x))
      tf.dispose(hvd.broadcast(x))
      tf.dispose(hvd.alltoall(rows).output)
      hvd.broadcastVariables(variables)
      tf.dispose(await hvd.allreduceAsync(x, { compression: 'fp16' }))
      tf.dispose(await hvd.groupedAllreduceAsync([x, whole]))
      tf.dispose(await hvd.allgatherAsync(whole))
      tf.dispose(await hvd.broadcastAsync(large))
      tf.dispose((await hvd.alltoallAsync(rows)).output)
      if (size > 1) raised(() => hvd.allreduce(rank === 0 ? x : large, { name: 'differs' }))
    }
    expectSame(tf.memory().numTensors, before)
    tf.dispose(variables)
  },

  /** Last: names are counted anew. */
  'shutdown and init again: a world like the one before': {
    ...manyRanks(async ({ hvd, tf, rank, size, transport }) => {
      for (let again = 0; again < 2; again++) {
        await hvd.shutdown()
        expectSame(hvd.isInitialized(), false)
        if (!/got rank\(\) before init/.test(raised(hvd.rank))) throw new Error('has a rank without a world')
        await hvd.init()
        expectSame([hvd.rank(), hvd.size(), hvd.transportName()], [rank, size, transport])
        expectEqual(hvd.allreduce(tf.scalar(1), { op: 'Sum' }), [size], [], 'float32')
      }
    }),
    except: ({ transport }) => {
      if (transport === 'local') return 'needs more than one rank'
      return transport === 'mpi' ? 'MPI starts once a process' : undefined
    },
  },
}

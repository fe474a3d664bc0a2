import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'

// One rank says goodbye while an operation of its own is under way, which may just have been decided. Prints of each trial
// what became of it on each rank.

const DELAYS = [0, 0.05, 0.1, 0.2, 0.5, 2]

const outcome = (work: () => tf.Tensor): string => {
  try {
    tf.dispose(work())
    return 'ran'
  } catch (error) {
    return `${error}`
  }
}

async function trial(who: number, milliseconds: number): Promise<{ x: string; later: string }> {
  const one = tf.scalar(1)
  try {
    if (hvd.rank() !== who) {
      const x = outcome(() => hvd.allreduce(one, { name: 'x' }))
      return { x, later: outcome(() => hvd.allreduce(one, { name: 'later' })) }
    }
    const x = hvd.allreduceAsync(one, { name: 'x' }).then((sum) => outcome(() => sum), String)
    for (const end = performance.now() + milliseconds; performance.now() < end; );
    await hvd.shutdown()
    return { x: await x, later: 'left' }
  } finally {
    one.dispose()
  }
}

async function main() {
  tf.enableProdMode()
  for (const milliseconds of DELAYS)
    for (let who = 0; who < 2; who++) {
      await hvd.init()
      const rank = hvd.rank()
      hvd.barrier()
      console.log(JSON.stringify({ rank, who, milliseconds, ...(await trial(who, milliseconds)) }))
      await hvd.shutdown()
    }
}

main()

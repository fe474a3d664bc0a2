// Trains a small model while ranks come and go, and says what it does. Each rank has its own six rows of a step's batch, so
// that the weights tell in which worlds the steps were made.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { smallModel } from '../support/small_model'

const [steps, pause, commitEvery] = process.argv.slice(2).map(Number) as [number, number, number]
const { dieWhile, dieAt } = process.env as { dieWhile?: string; dieAt?: string }

const print = (line: object) => console.log(JSON.stringify({ pid: process.pid, ...line }))
print({ event: 'start', rank: -1 })
await hvd.init()
const say = (event: string, more: object = {}) =>
  print({ event, step: state.step, rank: hvd.rank(), size: hvd.size(), ...more })
const model = smallModel()
const optimizer = new hvd.DistributedOptimizer(tf.train.momentum(0.1, 0.9))
const state = new hvd.elastic.TrainingState({
  variables: model.variables,
  optimizer,
  step: 0,
  /** How many ranks made each step. */
  worlds: [] as number[],
  loss: 0,
})
state.registerResetCallbacks([() => say('reset')])

const train = hvd.elastic.run(async () => {
  say('begin')
  while (state.step < steps) {
    const first = 6 * hvd.rank()
    state.loss = tf.tidy(() => {
      const loss = optimizer.minimize(() => model.loss(state.step, first, first + 6), true, model.variables)!
      return hvd.allreduce(loss).dataSync()[0]!
    })
    state.worlds.push(hvd.size())
    state.step++
    await new Promise((resolve) => setTimeout(resolve, pause))
    if (dieWhile === 'committing' && hvd.rank() === 1 && state.step === Number(dieAt)) {
      await state.save()
      process.kill(process.pid, 'SIGKILL') // the others have kept this step, or are about to
    }
    if (state.step % commitEvery === 0) await state.commit()
    else state.checkHostUpdates()
    say('step')
  }
})
await train(state)
const { worlds, loss } = state
say('done', { worlds, loss, weights: model.values(), tensors: tf.memory().numTensors })
await hvd.shutdown()

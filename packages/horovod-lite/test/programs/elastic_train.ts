// Trains a small model while ranks come and go, and says what it does. Each rank has its own six rows of a step's batch, so
// that the weights tell in which worlds the steps were made.
import { existsSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { openRegistration, register } from '../../src/wire/register'
import { smallModel } from '../support/small_model'

const [pause, commitEvery] = process.argv.slice(2).map(Number) as [number, number]
/** Where processes on host z die: those of other hosts never do by themselves. */
const dying = process.env.HOROVOD_HOSTNAME === 'z' ? process.env.DIE_WHILE : undefined
/** SIGSTOP: it hangs. */
const die = () => process.kill(process.pid, process.env.DIE_BY ?? 'SIGKILL')

const print = (line: object) => console.log(JSON.stringify({ pid: process.pid, ...line }))
if (process.env.HOROVOD_RANK === process.env.STAYS) process.on('SIGTERM', () => {})
print({ event: 'start', rank: -1 })
if (dying === 'starting') die()
if (dying === 'meeting') await registerAndDie()
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
if (dying === 'syncing') state.sync = async () => void die()

/** Whether the test has made the file that ends the job, as far as any rank has seen. */
const finished = () =>
  tf.tidy(() => hvd.allreduce(tf.scalar(existsSync('finish') ? 1 : 0), { op: hvd.Max }).dataSync()[0] === 1)

const train = hvd.elastic.run(async () => {
  say('begin', { transport: hvd.transportName() })
  while (!finished()) {
    const first = 6 * hvd.rank()
    state.loss = tf.tidy(() => {
      const loss = optimizer.minimize(() => model.loss(state.step, first, first + 6), true, model.variables)!
      return hvd.allreduce(loss).dataSync()[0]!
    })
    state.worlds.push(hvd.size())
    state.step++
    await new Promise((resolve) => setTimeout(resolve, pause))
    if (dying === 'committing' && state.step === 10) {
      await state.save()
      die() // the others have kept this step, or are about to
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

/** Takes a place in the world, so that the others wait for this process, and is gone. */
async function registerAndDie(): Promise<void> {
  const { env } = process
  const connection = await openRegistration({
    address: { host: env.HOROVOD_GLOO_RENDEZVOUS_ADDR!, port: Number(env.HOROVOD_GLOO_RENDEZVOUS_PORT) },
    secret: env.HOROVOD_SECRET_KEY!,
    timeoutSeconds: 10,
  })
  const self = { host: 'z', hostId: 'z', pid: process.pid, addresses: [{ host: '127.0.0.1', port: 1 }], native: false }
  const worker = env.HOROVOD_ELASTIC_WORKER!
  await register(connection, { ...self, rank: null, size: null, worker, hasState: false }, 30)
  die()
}

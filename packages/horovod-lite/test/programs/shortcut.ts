import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '../../src'
import { context } from '../../src/context'
import { loadNative } from '../../src/transports/native'
import { raised } from '../support/calls'
import { chance as randomFrom } from '../support/random'

// Each case prints { rank, case, open, met, … }: whether there is a shortcut, and of each operation whether it was taken.

const met: boolean[] = []

/** Watches which operations take the shortcut. */
function watch() {
  const client = context('test').client!
  const doNow = client.doNow.bind(client)
  client.doNow = (...operation) => {
    const done = doNow(...operation)
    met.push(done)
    return done
  }
}

/** Ranks wait at the meeting until all have come, so that what can meet does, on however busy a machine. */
let patient = false
const native = loadNative()
if (!('reason' in native)) {
  const { shmMeet } = native
  native.shmMeet = (segment, number, note, ns) => shmMeet(segment, number, note, patient ? 20e9 : ns)
}

const sleep = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

/** Sum of a tensor of rank + 1, which must be right everywhere. */
function reduce(length: number, name?: string): void {
  tf.tidy(() => {
    const values = hvd.allreduce(tf.fill([length], hvd.rank() + 1), { op: hvd.Sum, name }).dataSync()
    const expected = (hvd.size() * (hvd.size() + 1)) / 2
    if (values.length !== length || values.some((value) => value !== expected))
      throw new Error(`got ${values[0]} … of ${values.length}, expected ${expected} of ${length}`)
  })
}

const cases: Record<string, () => unknown | Promise<unknown>> = {
  /** Of any length, so also of one that takes many rounds. */
  together() {
    patient = true
    for (let i = 0; i < 60; i++) {
      hvd.barrier()
      reduce([1, 17, 4000, 300_000][i % 4]!)
    }
  },
  /** One rank is late, and the next operations are in time again. */
  late() {
    for (let i = 0; i < 3; i++) {
      if (hvd.rank() === i % hvd.size()) sleep(60)
      reduce(100)
    }
    patient = true
    for (let i = 0; i < 40; i++) hvd.barrier()
  },
  /** Ranks have made other numbers of calls, and then the same again. */
  joined() {
    for (let i = 0; i <= hvd.rank(); i++) tf.tidy(() => void hvd.allreduce(tf.scalar(1), { name: `before.${i}` }))
    hvd.join()
    patient = true
    const from = met.length
    for (let i = 0; i < 60; i++) hvd.barrier()
    return { after: met.slice(from) }
  },
  /** Another operation is under way: this one goes through the coordinator too. */
  async underWay() {
    for (let i = 0; i < 5; i++) {
      const x = tf.tensor1d([hvd.rank()])
      const later = hvd.allreduceAsync(x, { op: hvd.Sum, name: `later.${i}` })
      reduce(10)
      tf.dispose([x, await later])
    }
  },
  different() {
    patient = true
    hvd.barrier()
    const message = raised(() => reduce(10, `name.${hvd.rank()}`))
    const shapes = raised(() => reduce(10 + hvd.rank(), 'same'))
    for (let i = 0; i < 10; i++) reduce(5)
    return { message, shapes }
  },
  /** Of 300 tensors, whose names and shapes have no room in a note. */
  long() {
    patient = true
    const tensors = Array.from({ length: 300 }, (_, i) => tf.scalar(i))
    const names = tensors.map((_, i) => `${i}`.padStart(60, '-'))
    let right = true
    for (let k = 0; k < 30; k++) {
      const sums = hvd.groupedAllreduce(tensors, { op: hvd.Sum, names })
      right &&= sums.every((sum, i) => sum.dataSync()[0] === i * hvd.size())
      tf.dispose(sums)
    }
    tf.dispose(tensors)
    return { right }
  },
  /** The last of 300 differs: only the ranks' digests tell them so. */
  longDifferent() {
    patient = true
    const tensors = Array.from({ length: 300 }, (_, i) => tf.zeros([i === 299 ? 1 + hvd.rank() : 1]))
    const told = Array.from({ length: 5 }, () => raised(() => hvd.groupedAllreduce(tensors, { op: hvd.Sum })))
    tf.dispose(tensors)
    return { told }
  },
  /** Ranks wait for chance, by chance asynchronous. */
  async anyOrder() {
    const chance = randomFrom(1 + hvd.rank())
    const x = tf.scalar(hvd.rank())
    const pending: Promise<tf.Tensor>[] = []
    for (let i = 0; i < 150; i++) {
      if (chance() < 0.2) sleep(chance())
      const kind = ['barrier', 'reduce', 'later', 'gather'][((i * 7919) % 13) % 4]
      if (kind === 'barrier') hvd.barrier()
      else if (kind === 'reduce') reduce(1 + (i % 5) * 1000)
      else if (kind === 'gather') tf.tidy(() => void hvd.allgather(tf.tensor1d([i])))
      else pending.push(hvd.allreduceAsync(x, { op: hvd.Max, name: `later.${i}` }))
      if (i % 10 === 9) for (const each of pending.splice(0)) tf.dispose(await each)
    }
    x.dispose()
  },
  /** The last rank is killed while all reduce. */
  killed() {
    let told = 'no error'
    const victim = hvd.rank() === hvd.size() - 1
    for (let i = 0; i < 100_000 && told === 'no error'; i++) {
      if (victim && i === 300) process.kill(process.pid, 'SIGKILL')
      told = raised(() => reduce(200_000))
    }
    return { told }
  },
}

async function main() {
  tf.enableProdMode()
  for (const name of process.argv.slice(2)) {
    await hvd.init()
    watch()
    met.length = 0
    patient = false
    const before = tf.memory().numTensors
    const more = await cases[name]!()
    const leaked = tf.memory().numTensors - before
    const open = Reflect.get(context('test').client!, 'shortcut') !== undefined
    console.log(JSON.stringify({ rank: hvd.rank(), case: name, open, met: [...met], leaked, ...(more as object) }))
    await hvd.shutdown()
  }
}

main()

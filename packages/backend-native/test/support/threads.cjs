// Uses the addon from several Node threads, in a process of its own: node threads.cjs together | worker-first | count
// Prints one line of JSON.
const { createHash } = require('node:crypto')
const { readdirSync } = require('node:fs')
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')

const load = () => require('../../build/backend-native.node')

/** A digest of what convolutions give that are worth several threads. */
function digest(times) {
  const addon = load()
  const hash = createHash('sha256')
  const numbers = (count) => Float32Array.from({ length: count }, (_, i) => Math.sin(i))
  const shape = Int32Array.of(2, 40, 40, 24, 40, 40, 40, 3, 3, 1, 1, 1, 1, 1, 1)
  const x = numbers(2 * 40 * 40 * 24)
  const y = new Float32Array(2 * 40 * 40 * 40)
  const filter = numbers(9 * 24 * 40)
  for (let i = 0; i < times; i++) {
    addon.conv2d(shape, x, filter, null, 0, 0, y)
    addon.conv2dBackpropFilter(shape, x, y, filter)
    filter.forEach((v, k) => {
      filter[k] = Math.sin(v)
    })
    hash.update(y)
  }
  return hash.digest('hex')
}

/** The digest of a new Node thread. */
const inWorker = (times) =>
  new Promise((resolve, reject) => {
    let answer
    new Worker(__filename, { workerData: times })
      .on('message', (message) => {
        answer = message
      })
      .on('error', reject)
      .on('exit', () => resolve(answer))
  })

const modes = {
  /** Digests of one Node thread alone, and of four at once. */
  async together() {
    load().setThreads(1)
    const alone = digest(20)
    load().setThreads(3)
    return [alone, ...(await Promise.all([inWorker(20), inWorker(20), inWorker(20), digest(20)]))]
  },
  /** Digests of Node threads one after the other; the main one comes last. */
  'worker-first': async () => [await inWorker(3), await inWorker(3), digest(3)],
  /** Threads that the addon has before its first work, and behind it, of a pool of four. */
  async count() {
    const threads = () => readdirSync('/proc/self/task').length
    const before = threads()
    load().setThreads(4)
    const idle = threads() - before
    digest(1)
    return [idle, threads() - before]
  },
}

if (isMainThread) modes[process.argv[2]]().then((result) => console.log(JSON.stringify(result)))
else parentPort.postMessage(digest(workerData))

// Two worlds one after the other in one process, and an error of MPI's between them. Prints { sums, error }.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import * as hvd from '@unet-industrial/horovod-lite'
import { loadNative, type Native } from '../../src/transports/native'

const sums: number[] = []
let error = ''
for (let world = 0; world < 2; world++) {
  await hvd.init()
  if (hvd.transportName() !== 'mpi') throw new Error(`got transport ${hvd.transportName()}, expected mpi`)
  sums.push(hvd.allreduce(tf.scalar(hvd.rank() + 1), { op: hvd.Sum }).dataSync()[0]!)
  await hvd.shutdown()
  try {
    const native = loadNative() as Native
    native.mpiBroadcast(native.addressOf(new Uint8Array(4)), 4, 99)
  } catch (reason) {
    error = (reason as Error).message
  }
}
console.log(JSON.stringify({ sums, error }))

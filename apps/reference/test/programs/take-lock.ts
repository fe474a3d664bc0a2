// At a given time tries to hold a run's folder; says whether it has it, and keeps it until stdin ends.
import { lockRun } from '../../src/training/lock'

const [path, time] = [process.argv[2]!, Number(process.argv[3])]
process.stdin.resume()
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time - Date.now() - 5)
while (Date.now() < time);
try {
  lockRun({ name: 'run', path, checkpoints: '', samples: '' })
  console.log('has it')
} catch (error) {
  console.log((error as Error).message)
}

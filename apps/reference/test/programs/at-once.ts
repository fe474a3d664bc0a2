// Does something that others do at the same time: `lock` a run's folder, `make` a run by its name, or one with a `fresh`
// name. Says what came of it, and keeps it until stdin ends.
import { basename, dirname } from 'node:path'
import { lockRun } from '../../src/training/lock'
import { createFreshRun, createRun, type RunFolder } from '../../src/training/run-folder'

const [what, path, time] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])]
const [results, name] = [dirname(path), basename(path)]
const deeds: Record<string, () => unknown> = {
  lock: () => lockRun({ name, path, checkpoints: '', samples: '' }),
  make: () => createRun(results, name),
  fresh: () => createFreshRun(results, name, new Date(0)),
}
process.stdin.resume()
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time - Date.now() - 5)
while (Date.now() < time);
try {
  const run = deeds[what]!()
  console.log(what === 'fresh' ? (run as RunFolder).name : 'has it')
} catch (error) {
  console.log((error as Error).message)
}

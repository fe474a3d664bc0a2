// npm run bench: bootstraps, then measures this project beside its rivals. Arguments go to benchmarks/bench.mjs.
import { join } from 'node:path'
import { bootstrap, root, run } from './bootstrap.mjs'

const words = process.argv.slice(2)
if (!words.includes('--help')) bootstrap()
process.on('SIGINT', () => {}) // the benchmark ends by itself: it writes what is there
run(process.execPath, [join(root, 'benchmarks/bench.mjs'), ...words])

// npm start: bootstraps, then trains the reference's recipe on the embedded miniature set and writes its report.
import { join } from 'node:path'
import { bootstrap, root, run } from './bootstrap.mjs'

bootstrap()
process.on('SIGINT', () => {}) // the training ends by itself: it finishes its step and saves
run(process.execPath, [join(root, 'apps/reference/bin/unet-industrial.mjs'), 'demo', ...process.argv.slice(2)])

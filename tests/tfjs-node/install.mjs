// Installs @tensorflow/tfjs-node and tfjs-node-gpu into a folder of their own for tfjs-node.test.ts, and makes both run
// on the CPU with the C library of a TensorFlow wheel, because their own download is often out of reach.
//
//   node tests/tfjs-node/install.mjs      needs Linux on x86-64, python3 with pip, a C++ compiler; 270 MB the first time
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tfjsNodeFolder, tfjsNodeReady } from './folder.mjs'

const shared = process.env.UNET_SHARED_DIR ?? fileURLToPath(new URL('../../../shared', import.meta.url))
const makeItRun = join(shared, 'tools/libtensorflow-from-wheel.sh')
if (!existsSync(makeItRun)) {
  console.log(`tfjs-node: ${makeItRun} is not here, so its test will be skipped`)
  process.exit(0)
}

const began = Date.now()
const run = (command, ...args) => execFileSync(command, args, { cwd: tfjsNodeFolder, stdio: 'inherit' })
mkdirSync(tfjsNodeFolder, { recursive: true })
rmSync(tfjsNodeReady, { force: true })
if (!existsSync(join(tfjsNodeFolder, 'node_modules/.package-lock.json'))) {
  writeFileSync(join(tfjsNodeFolder, 'package.json'), '{ "private": true }\n')
  const packages = ['@tensorflow/tfjs-node@4.22.0', '@tensorflow/tfjs-node-gpu@4.22.0']
  run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages)
}
run('bash', makeItRun, join(tfjsNodeFolder, 'node_modules'))
writeFileSync(tfjsNodeReady, '')
console.log(`tfjs-node: ready in ${tfjsNodeFolder} after ${Math.round((Date.now() - began) / 1000)} s`)

// Runs tfjs-core's own test suite, which its package ships, on one backend:
//   node run.mjs cpu | native | native-pooled [part of a name, to run only those tests]
// native-pooled lends pool memory to the smallest tensors too and overwrites it when it comes back, so that a value that
// is read after its tensor has gone shows. Prints one line of JSON: { passed, failed: [{ name, messages }], skipped: [names] }.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
/** Tests that do not hold for this backend, by full name, each with the reason; at most ten. */
const skips = require('./skips.json')
const [mode = 'native', only = ''] = process.argv.slice(2)
const backend = mode.split('-')[0]
const core = join(dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist')
const root = fileURLToPath(new URL('../..', import.meta.url))
const outfile = join(root, `.cache/conformance-${mode}.cjs`) // the loader looks in ../build

function withSmallBlocks(source) {
  const replace = (text, by) => {
    if (!source.includes(text)) throw new Error(`src/pool.ts has no ${text} any more: mend test/conformance/run.mjs`)
    source = source.replace(text, by)
  }
  replace('SMALLEST = 1 << 15', 'SMALLEST = 0')
  replace('this.waiting += block.bytes', '$&; new Uint8Array(block.buffer).fill(0xff)')
  return source
}

// One bundle, so that tests, backends and gradients share one copy of tfjs-core.
mkdirSync(dirname(outfile), { recursive: true })
await build({
  stdin: {
    contents: `
      import 'core/index'
      import 'core/public/chained_ops/register_all_chained_ops'
      import 'core/register_all_gradients'
      import '@tensorflow/tfjs-backend-cpu'
      import './src/index'
      import 'test-environment'
      import 'core/tests'`,
    resolveDir: root,
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  ignoreAnnotations: true, // the package says that importing a test has no side effect
  define: { 'import.meta.url': '__bundleUrl' },
  banner: { js: `const __bundleUrl = require('node:url').pathToFileURL(__filename).href` },
  external: ['jasmine-core', '*.node'],
  logLevel: 'error',
  plugins: [
    {
      name: 'one-core',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({ path: join(core, 'index.js') }))
        onResolve({ filter: /^core\// }, ({ path }) => ({ path: join(core, `${path.slice(5)}.js`) }))
        // Others' cpu backend as ES modules, since its CommonJS bundle would have its own idea of tfjs-core.
        onResolve({ filter: /^@tensorflow\/tfjs-backend-cpu$/ }, () => ({
          path: join(dirname(require.resolve('@tensorflow/tfjs-backend-cpu/package.json')), 'dist/index.js'),
        }))
        if (mode === 'native-pooled')
          onLoad({ filter: /src.pool\.ts$/ }, ({ path }) => ({
            contents: withSmallBlocks(readFileSync(path, 'utf8')),
            loader: 'ts',
          }))
        onResolve({ filter: /^test-environment$/ }, ({ path }) => ({ path, namespace: 'generated' }))
        onLoad({ filter: /^test-environment$/, namespace: 'generated' }, () => ({
          contents: `
            import { setTestEnvs } from 'core/jasmine_util'
            setTestEnvs([{ name: '${backend}', backendName: '${backend}', isDataSync: true }])`,
          resolveDir: core,
        }))
      },
    },
  ],
})

const jasmineCore = require('jasmine-core')
const jasmine = jasmineCore.boot(jasmineCore) // makes describe, it and expect global, as the suite expects
const env = jasmine.getEnv()
const result = { passed: 0, failed: [], skipped: [] }
const skipped = (name) => Object.hasOwn(skips, name.replace(` ${backend} {}`, ''))
env.configure({
  random: false,
  specFilter: (spec) => {
    const name = spec.getFullName()
    if (skipped(name)) result.skipped.push(name.replace(` ${backend} {}`, ''))
    return !skipped(name) && name.includes(only)
  },
})
env.addReporter({
  specDone({ status, fullName, failedExpectations }) {
    if (status === 'passed') result.passed++
    if (status === 'failed') result.failed.push({ name: fullName, messages: failedExpectations.map((f) => f.message) })
  },
})
console.warn = () => {} // tests of warnings
require(outfile)
await env.execute()
process.stdout.write(`${JSON.stringify(result)}\n`)

// npm test: bootstraps, checks style and types, runs every test. Arguments go to vitest: npm test -- packages/adaptive-loss
import { bootstrap, pnpm, say } from './bootstrap.mjs'

bootstrap()
const args = process.argv.slice(2)
if (args.length === 0) {
  say('checking style and types')
  pnpm(['exec', 'biome', 'check', '--error-on-warnings', '.'])
  pnpm(['exec', 'turbo', 'run', 'typecheck', '--output-logs=errors-only'])
}
say('testing')
const report = process.env.UNET_TEST_REPORT
pnpm([
  'exec',
  'vitest',
  'run',
  ...(report ? ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`] : []),
  ...args,
])

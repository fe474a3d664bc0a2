import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// Tests read the packages' sources, so that a test never sees an old build; only what is compiled (the native addon,
// the bundled gradients) comes from dist.
const alias = Object.fromEntries(
  readdirSync(here('packages')).map((name) => [`@unet-industrial/${name}`, here(`packages/${name}/src/index.ts`)]),
)

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['{packages,apps,internal}/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    globalSetup: here('tests/temporary-folder.ts'),
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})

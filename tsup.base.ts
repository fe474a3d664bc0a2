import { defineConfig, type Options } from 'tsup'

/**
 * How every published package is built: ES modules first, CommonJS beside them, types for both.
 *
 * `@unet-internal/*` packages are private, so their code is bundled; everything else stays an import.
 */
export const library = (options: Options = {}) =>
  defineConfig({
    entry: ['src/index.ts'],
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'neutral',
    dts: true,
    clean: true,
    sourcemap: false,
    treeshake: true,
    noExternal: [/^@unet-internal\//],
    external: [/^node:/],
    ...options,
  })

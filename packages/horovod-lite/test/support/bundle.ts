import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const source = (path: string) => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))
const program = (name: string) => fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))

const bundles = new Map<string, Promise<string>>()

/** A test's program and the package's entries, from their sources, side by side in a folder. @returns the folder */
export function bundle(name: string): Promise<string> {
  const made = bundles.get(name) ?? make(name)
  bundles.set(name, made)
  return made
}

async function make(name: string): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), 'hvd-'))
  await build({
    entryPoints: { program: program(name), background: source('background/main.ts') },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    ignoreAnnotations: true, // tfjs's backends register themselves
    alias: { '@unet-industrial/horovod-lite': source('index.ts') },
    // tfjs's CommonJS parts ask for node: modules
    banner: {
      js: "import { createRequire as __requireHere } from 'node:module'; const require = __requireHere(import.meta.url)",
    },
  })
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(outdir, 'package.json'), '{ "type": "module" }')
  return outdir
}

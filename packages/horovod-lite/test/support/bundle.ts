import { cpSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const source = (path: string) => here(`src/${path}`)
const program = (name: string) => (isAbsolute(name) ? name : here(`test/programs/${name}.ts`))

const bundles = new Map<string, Promise<string>>()

/** A test's program and the package's entries, from their sources, side by side in a folder. @returns the folder */
export function bundle(name: string): Promise<string> {
  const made = bundles.get(name) ?? make(name)
  bundles.set(name, made)
  return made
}

async function make(name: string): Promise<string> {
  const room = mkdtempSync(join(tmpdir(), 'hvd-'))
  const outdir = join(room, 'dist')
  await build({
    entryPoints: {
      program: program(name),
      background: source('background/main.ts'),
      hvdrun: source('launcher/hvdrun.ts'),
      agent: source('launcher/agent.ts'),
    },
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
  writeFileSync(join(room, 'package.json'), '{ "type": "module" }')
  if (existsSync(here('build'))) cpSync(here('build'), join(room, 'build'), { recursive: true })
  return outdir
}

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { repositoryRoot } from '@unet-internal/testing'
import { expect, test } from 'vitest'

// docs/architecture.md, "Parts": which @tensorflow and @unet-* packages a package's source may import.
const core = '@tensorflow/tfjs-core'
const gradients = '@unet-internal/tfjs-gradients'
const allowed: Record<string, string[]> = {
  'dagm-dataset': [core],
  'tinyunet-model': [core, gradients],
  'adaptive-loss': [core, gradients],
  'rmsprop-centered': [core, gradients],
  'mixed-precision': [core, gradients],
  'horovod-lite': [core, gradients],
  'graph-compiler': [core, gradients],
  'backend-native': [core, gradients, '@tensorflow/tfjs-backend-cpu', '@unet-industrial/graph-compiler'],
}

const files = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? files(path) : /\.[cm]?[jt]s$/.test(name) ? [path] : []
  })

/** `@scope/name` or `name` of every package that a source file imports, statically or dynamically. */
const importsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/(?:from|import|require\()\s*\(?['"]([^'".\s][^'"\s]*)['"]/g)]
    .map(([, specifier]) => specifier!)
    .filter((specifier) => !specifier.startsWith('node:') && !builtinModules.includes(specifier))
    .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)![0])

test.each(readdirSync(join(repositoryRoot, 'packages')))('%s imports only what it may', (name) => {
  const folder = join(repositoryRoot, 'packages', name)
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const rule = allowed[name]
  expect(rule, `packages/${name} has no line in this test and in docs/architecture.md`).toBeDefined()
  for (const path of files(join(folder, 'src')))
    for (const specifier of importsOf(path)) {
      if (/^@(tensorflow|unet-)/.test(specifier)) expect(rule, `${path} imports ${specifier}`).toContain(specifier)
      const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
      if (specifier !== gradients) expect(Object.keys(declared), `${path} imports ${specifier}`).toContain(specifier)
    }
})

test('every package has a rule', () => {
  expect(Object.keys(allowed).sort()).toEqual(readdirSync(join(repositoryRoot, 'packages')).sort())
})

// Bundles tfjs-core's gradients into one small file that imports the rest of tfjs-core from its public package,
// so that there is one copy of everything but the gradients themselves.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs-core')
const core = join(dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist')
const PUBLIC = '@tensorflow/tfjs-core'

/** Where the public package has what an internal module calls `name`: as an export, in one of its namespaces, or nowhere. */
function publicImport(name, path) {
  const [original, alias = original] = name.split(' as ')
  if (original === 'ENGINE') return `import { engine } from '${PUBLIC}'; const ENGINE = engine();`
  if (original in tf) return `import { ${name} } from '${PUBLIC}';`
  const namespace = ['util', 'backend_util', 'slice_util'].find((candidate) => original in tf[candidate])
  if (namespace)
    return `import { ${namespace} as from_${alias} } from '${PUBLIC}'; const ${alias} = from_${alias}.${original};`
  return `import { ${name} } from '${path}';`
}

const usePublicExports = (source) =>
  source
    .replace(/^import \* as (\w+) from '\.[^']*';$/gm, (_, name) =>
      name in tf ? `import { ${name} } from '${PUBLIC}';` : `import { backend_util as ${name} } from '${PUBLIC}';`,
    )
    .replace(/^import \{ ([^}]+) \} from '(\.[^']*)';$/gm, (_, list, path) =>
      list
        .split(',')
        .map((name) => publicImport(name.trim(), path))
        .join('\n'),
    )
    .replace(/^\/\/# sourceMappingURL.*$/m, '')

/** tfjs-core's list of gradients, registering only those that are missing. */
const registerMissing = (source) =>
  `import { getGradient } from '${PUBLIC}';\n${source.replace(
    /for \(const gradientConfig of gradConfigs\) \{([^}]*)\}/,
    'export function registerGradients() {\n  for (const gradientConfig of gradConfigs) if (getGradient(gradientConfig.kernelName) == null) {$1}\n}',
  )}`

await build({
  stdin: {
    contents: `export { registerGradients } from ${JSON.stringify(join(core, 'register_all_gradients.js'))}`,
    resolveDir: core,
  },
  outfile: 'dist/index.js',
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  external: [PUBLIC],
  legalComments: 'eof',
  plugins: [
    {
      name: 'public-exports',
      setup: ({ onLoad }) =>
        onLoad({ filter: /tfjs-core\/dist\/.*\.js$/ }, async ({ path }) => {
          const source = usePublicExports(await readFile(path, 'utf8'))
          return { contents: basename(path) === 'register_all_gradients.js' ? registerMissing(source) : source }
        }),
    },
  ],
})

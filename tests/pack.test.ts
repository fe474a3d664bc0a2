import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@unet-internal/testing'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// "npm install one part": every package is packed, installed by npm into an empty folder of its own, with nothing but
// tfjs-core beside it, and runs its README's example there, as an ES module and as CommonJS.

const tfjs = '4.22.0'
const room = mkdtempSync(join(tmpdir(), 'unet-pack-'))
const packages = readdirSync(join(repositoryRoot, 'packages'))
const platform = join(repositoryRoot, 'packages/backend-native/platforms', `${process.platform}-${process.arch}`)
afterAll(() => rmSync(room, { recursive: true, force: true }))

/** Packs a folder with pnpm, which replaces `workspace:` versions as in a release; the tarball's path. */
function pack(folder: string): string {
  const { packageManager } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
  const out = execFileSync('npx', ['--yes', packageManager, 'pack', '--json', '--pack-destination', room], {
    cwd: folder,
    encoding: 'utf8',
  })
  return JSON.parse(out.slice(out.indexOf('{'))).filename
}

/** The first ```js block of a README and the ```text block that follows it. */
function example(name: string): { code: string; output: string } {
  const readme = readFileSync(join(repositoryRoot, 'packages', name, 'README.md'), 'utf8')
  const match = /```js\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/.exec(readme)
  if (!match)
    throw new Error(`packages/${name}/README.md: expected a \`\`\`js example followed by its \`\`\`text output`)
  return { code: match[1]!, output: match[2]! }
}

/** `import` statements as `require` calls. */
const toCommonJs = (code: string) =>
  code
    .replace(/^import \* as (\w+) from ('[^']+')/gm, 'const $1 = require($2)')
    .replace(/^import \{([^}]+)\} from ('[^']+')/gm, (_, names: string, from: string) => {
      return `const {${names.replace(/(\w+) as (\w+)/g, '$1: $2')}} = require(${from})`
    })
    .replace(/^import ('[^']+')/gm, 'require($1)')

// What an installing user has: no compiler and no variable that points into this repository.
const plain = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8' }
const userEnvironment = { ...plain, ...pick(/^(npm_config_|NODE_EXTRA_CA|SSL_CERT)/i) } as NodeJS.ProcessEnv
function pick(pattern: RegExp) {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => pattern.test(name)))
}

describe.each(packages)('%s', (name) => {
  const folder = join(repositoryRoot, 'packages', name)
  const home = join(room, name)
  let tarball: string

  beforeAll(() => {
    tarball = pack(folder)
    mkdirSync(home)
    writeFileSync(join(home, 'package.json'), '{ "private": true }')
    const tarballs = name === 'backend-native' ? [tarball, pack(platform)] : [tarball]
    const cpu = name === 'backend-native' ? [] : [`@tensorflow/tfjs-backend-cpu@${tfjs}`]
    const args = [
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      ...tarballs,
      `@tensorflow/tfjs-core@${tfjs}`,
      ...cpu,
    ]
    execFileSync('npm', args, { cwd: home, env: userEnvironment, stdio: 'pipe' })
  }, 180_000)

  test('has the right files, entries and types (publint, are the types wrong)', async () => {
    const { messages, pkg } = await publint({ pkgDir: folder, level: 'warning', strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
    const attw = createRequire(import.meta.url)
      .resolve('@arethetypeswrong/cli/package.json')
      .replace('package.json', 'dist/index.js')
    const { status, stdout } = spawnSync(process.execPath, [attw, tarball, '--profile', 'node16', '--no-color'], {
      encoding: 'utf8',
    })
    expect(status, stdout).toBe(0)
  })

  test('is described: a licence, a repository folder of its own, no private dependency', () => {
    const installed = JSON.parse(
      readFileSync(join(home, 'node_modules/@unet-industrial', name, 'package.json'), 'utf8'),
    )
    expect(installed).toMatchObject({ license: 'Apache-2.0', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    expect(Object.keys({ ...installed.dependencies, ...installed.peerDependencies }).join()).not.toContain(
      '@unet-internal',
    )
    expect(existsSync(join(home, 'node_modules/@unet-industrial', name, 'README.md'))).toBe(true)
  })

  test.each(['mjs', 'cjs'])("runs its README's example (%s)", (extension) => {
    const { code, output } = example(name)
    const path = join(home, `example.${extension}`)
    writeFileSync(path, extension === 'cjs' ? toCommonJs(code) : code)
    const { status, stdout, stderr } = spawnSync(process.execPath, [path], {
      cwd: home,
      env: userEnvironment,
      encoding: 'utf8',
    })
    expect(status, stderr).toBe(0)
    expect(stdout).toBe(output)
  })
})

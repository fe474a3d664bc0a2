// What the three commands share: pnpm at the pinned version through npx, dependencies, builds; each only where needed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const stamp = join(root, 'node_modules/.cache/unet-industrial-lockfile')

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' }

/** Says what is being done. */
export const say = (text) => console.error(process.stderr.isTTY ? `\u001b[1m▸ ${text}\u001b[0m` : `▸ ${text}`)

/** Runs a command in the repository, its output on ours; ends the program with its exit code when it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  })
  if (error) fail(`cannot run ${command}: ${error.message}`)
  if (signal) process.kill(process.pid, signal)
  if (status !== 0) process.exit(status ?? 1)
}

export function fail(message) {
  console.error(`unet-industrial: ${message}`)
  process.exit(1)
}

/** The pinned pnpm, through npx, so that only npm has to be there. */
export const pnpm = (args) => run('npx', ['--yes', manifest.packageManager, ...args], { env })

/** Installs the dependencies (when the lockfile changed) and builds all packages (turbo builds what changed). */
export function bootstrap() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`got Node ${process.version}, expected 20.19 or later: install a newer Node`)

  const digest = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
    say(`installing dependencies with ${manifest.packageManager}`)
    pnpm(['install', '--frozen-lockfile', '--reporter=append-only'])
    mkdirSync(join(stamp, '..'), { recursive: true })
    writeFileSync(stamp, digest)
  }
  say('building what changed')
  pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only'])
}

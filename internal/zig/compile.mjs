// Compiles a package's native/ into one addon. Objects are kept under the hash of all that goes into them, so that a
// second build does only what changed.
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { platforms } from './platforms.mjs'
import { zig } from './zig.mjs'

const { include_dir: nodeHeaders, def_paths: nodeSymbols } = createRequire(import.meta.url)('node-api-headers')
const FLAGS = ['-std=gnu11', '-O3', '-g0', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math']
FLAGS.push('-fno-sanitize=all', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror', '-DNAPI_VERSION=8')

const hash = (...parts) => {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part).update('\0')
  return digest.digest('hex').slice(0, 24)
}

const filesOf = (folder, extension) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith(extension))
        .map((name) => join(folder, name))
        .sort()
    : []

/** Where a file is written before it gets its name: an interrupted build leaves no half of one, two builds don't meet. */
const part = (path) => `${path}.${process.pid}.part`

/** Runs `jobs`, as many at a time as there are cores. */
async function inParallel(jobs) {
  const queue = [...jobs]
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

/** One job for each file, and for each instruction set of those in native/kernels/: { source, object name, flags }. */
function units(native, instructionSets) {
  const kernels = filesOf(join(native, 'kernels'), '.c')
  const plain = filesOf(native, '.c').filter((file) => !kernels.includes(file))
  return [
    ...plain.map((source) => ({ source, name: basename(source, '.c'), flags: [] })),
    ...Object.entries(instructionSets).flatMap(([isa, flags]) =>
      kernels.map((source) => ({
        source,
        name: `${basename(source, '.c')}-${isa}`,
        flags: [...flags, `-DISA=${isa}`],
      })),
    ),
  ]
}

/** Windows resolves symbols when linking: an import library stands for the node.exe that will load the addon. */
async function nodeImportLibrary(run, folder) {
  const library = join(folder, 'node.lib')
  if (!existsSync(library)) {
    const definitions = Object.values(nodeSymbols).map((file) =>
      readFileSync(file, 'utf8').replace(/^[\s\S]*?EXPORTS/, ''),
    )
    writeFileSync(join(folder, 'node.def'), `NAME node.exe\nEXPORTS\n${definitions.join('\n')}`)
    await run(['dlltool', '-m', 'i386:x86-64', '-D', 'node.exe', '-d', join(folder, 'node.def'), '-l', library])
  }
  return library
}

/** zig as a toolchain: its name, what tells its version, the program's run(arguments), and arguments of both steps. */
function zigFor(target, cache) {
  const { version, run } = zig(cache)
  const { triple } = platforms[target]
  return {
    name: target,
    version,
    run: (args) => run(['cc', '-target', triple, ...args]),
    tool: run,
    flags: [],
    link: ['-s'],
  }
}

/**
 * Builds a package's addon for a platform (a key of platforms.mjs).
 *
 * @param root the package's folder, with native/
 * @param instructionSets { name: flags } for the files of native/kernels/
 * @param toolchain another compiler than zig, as zigFor() gives it; its name is that of a folder for its objects
 * @returns {Promise<number>} how many files had to be compiled; 0 when everything was there
 */
export async function compile({ root, target, output, instructionSets = {}, toolchain }) {
  const { flags, link } = platforms[target]
  const cache = join(root, '.cache') // not in build/: turbo would carry it along with each build's output
  const native = join(root, 'native')
  const { name, version, run, tool, flags: ownFlags, link: ownLink } = toolchain ?? zigFor(target, cache)
  const objects = join(cache, 'objects', name)
  mkdirSync(objects, { recursive: true })
  mkdirSync(dirname(output), { recursive: true })

  const headers = filesOf(native, '.h').map((file) => readFileSync(file))
  const common = [...FLAGS, ...flags, ...ownFlags, '-isystem', nodeHeaders]
  const planned = units(native, instructionSets).map((unit) => {
    const args = [...common, ...unit.flags]
    const key = hash(version, target, args.join(' '), readFileSync(unit.source), ...headers)
    return { source: unit.source, args, object: join(objects, `${unit.name}.${key}.o`) }
  })
  const missing = planned.filter(({ object }) => !existsSync(object))
  await inParallel(
    missing.map(({ source, args, object }) => async () => {
      await run([...args, '-c', source, '-o', part(object)])
      renameSync(part(object), object)
    }),
  )

  const linked = join(
    objects,
    `addon.${hash([...ownLink, ...link].join(' '), ...planned.map(({ object }) => object))}.node`,
  )
  if (!existsSync(linked)) {
    const libraries = target.startsWith('win32') ? [await nodeImportLibrary(tool, objects)] : []
    const inputs = [...planned.map(({ object }) => object), ...libraries, ...link]
    await run(['-shared', ...ownLink, ...inputs, '-o', part(linked)])
    renameSync(part(linked), linked)
  }
  if (!existsSync(output) || !readFileSync(output).equals(readFileSync(linked))) {
    copyFileSync(linked, part(output))
    renameSync(part(output), output) // a process that has the old one loaded keeps it
  }
  return missing.length
}

import { statSync } from 'node:fs'
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'

/** An image to look at, and where its pictures go: `<stem>-overlay.png`. */
export interface Input {
  /** As the user would name it. */
  path: string
  /** Within the output folder, without extension; folders as they lie below what all inputs have in common. */
  stem: string
}

/**
 * Expands files, folders (all PNG files below them) and globs, in the order given, each image once.
 *
 * @param outputDir images in it, which an earlier run wrote, are left out of folders and globs
 * @throws where one of them names no image
 */
export async function findInputs(named: readonly string[], outputDir: string): Promise<Input[]> {
  const paths = new Map<string, string>()
  for (const name of named) for (const path of await expand(name, outputDir)) paths.set(resolve(path), path)
  const root = commonFolder([...paths.keys()])
  const taken = new Set<string>()
  return [...paths].map(([absolute, path]) => {
    const from = relative(root, absolute)
    return { path, stem: unused(join(dirname(from), basename(from, extname(from))), taken) }
  })
}

async function expand(name: string, outputDir: string): Promise<string[]> {
  const stats = statSync(name, { throwIfNoEntry: false })
  if (stats?.isFile()) return [name]
  const options = { caseSensitiveMatch: false, expandDirectories: false }
  const found = stats?.isDirectory()
    ? (await glob('**/*.png', { ...options, cwd: name })).map((path) => join(name, path))
    : await glob(name.replaceAll('\\', '/'), options)
  const inside = (path: string) => resolve(path).startsWith(resolve(outputDir) + sep)
  const paths = found.filter((path) => !inside(path)).sort()
  if (paths.length === 0)
    throw new Error(
      stats ? `${name}: no PNG image in this folder` : `${name}: no such file, folder, or match of this pattern`,
    )
  return paths
}

function commonFolder(paths: string[]): string {
  let root = dirname(paths[0] ?? '.')
  while (!paths.every((path) => path.startsWith(root.endsWith(sep) ? root : root + sep))) root = dirname(root)
  return root
}

/** Counts up where two images have one name, such as `a.png` and `a.PNG`. */
function unused(stem: string, taken: Set<string>): string {
  let name = stem
  for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}`
  taken.add(name.toLowerCase())
  return name
}

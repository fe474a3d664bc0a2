import { readdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { checkClassId } from '../official'

/** Where a class lies: `clean` has Train/ and Test/ (competition), or the clean images whose defects are in `defects`. */
export type ClassFolder =
  | { layout: 'competition'; folder: string }
  | { layout: 'public'; clean: string; defects: string }

/** The names in a folder by their lower-case spelling, or null where there is no such folder. */
export async function listFolder(path: string): Promise<Map<string, string> | null> {
  try {
    return new Map((await readdir(path)).map((name) => [name.toLowerCase(), name]))
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    throw error
  }
}

/** The set may lie deeper than the folder that the user names: as Kaggle packs it, and as the reference keeps it. */
const roots = ['', 'DAGM_KaggleUpload', 'raw_images/private', 'raw_images/public']

/**
 * Finds a class under a data folder, in either layout, also where an archive unpacked to a doubled ClassN/ClassN.
 *
 * @throws where the folder is missing or has no such class, saying what it has
 */
export async function findClass(dataDir: string, classId: number): Promise<ClassFolder> {
  checkClassId(classId)
  const here = await listFolder(dataDir)
  if (!here) throw new Error(`${dataDir}: no such folder; expected the one that holds Class${classId}`)
  const candidates = roots.map((root) => join(dataDir, root))
  const itself = resolve(dataDir)
  if (basename(itself).toLowerCase() === `class${classId}`) candidates.push(dirname(itself))

  for (const find of [findCompetition, findPublic])
    for (const root of candidates) {
      const found = await find(root, classId)
      if (found) return found
    }
  const has = here.size === 0 ? 'nothing' : [...here.values()].sort().slice(0, 8).join(', ')
  throw new Error(
    `${dataDir}: no Class${classId} in it, which has ${has}; expected Class${classId}/Train and /Test, or Class${classId} and Class${classId}_def`,
  )
}

async function findCompetition(root: string, classId: number): Promise<ClassFolder | null> {
  for (const folder of await nested(root, `Class${classId}`)) {
    const names = await listFolder(folder)
    if (names?.has('train') || names?.has('test')) return { layout: 'competition', folder }
  }
  return null
}

async function findPublic(root: string, classId: number): Promise<ClassFolder | null> {
  for (const defects of await nested(root, `Class${classId}_def`))
    if ((await listFolder(defects))?.has('labels.txt')) {
      const clean = (await nested(root, `Class${classId}`)).at(-1) ?? join(root, `Class${classId}`)
      return { layout: 'public', clean, defects }
    }
  return null
}

/** root/NAME and root/NAME/NAME, as far as they exist, spelled as on disk. */
async function nested(root: string, name: string): Promise<string[]> {
  const folders: string[] = []
  for (let folder = root; folders.length < 2; ) {
    const spelled = (await listFolder(folder))?.get(name.toLowerCase())
    if (spelled === undefined) break
    folder = join(folder, spelled)
    folders.push(folder)
  }
  return folders
}

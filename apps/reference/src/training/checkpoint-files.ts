import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { DatasetState } from '@unet-industrial/dagm-dataset'
import { makeFolderAtomically, writeDurably } from '../files'

// A checkpoint is a folder, step-00001000, with model.safetensors, optimizer.safetensors and state.json, which holds
// the hashes of the other two. The folder appears by a rename: where it stands, it is whole.

/** How many checkpoints of a run are kept, as in the reference. */
const kept = 5
export const modelFile = 'model.safetensors'
export const optimizerFile = 'optimizer.safetensors'
const stateFile = 'state.json'

/** What a training needs to go on, beside tensors. */
export interface TrainingState {
  /** Steps done. */
  step: number
  /** Images that all ranks together have taken. */
  images: number
  /** How many ranks there were. */
  ranks: number
  /** Where rank 0's data set is: order, position, random numbers. */
  dataset: DatasetState
  /** The images of all ranks; older ones do not say. */
  data?: DataIdentity
}

/** What tells whether a run goes on with the images that it began with. */
export interface DataIdentity {
  /** As in the options. */
  seed: number
  /** How many images there are. */
  images: number
  /** A hash of their names, in order. */
  names: string
}

interface Sealed extends TrainingState {
  files: Record<string, { bytes: number; sha256: string }>
}

export const checkpointPath = (folder: string, step: number) => join(folder, `step-${String(step).padStart(8, '0')}`)

export const stepOf = (checkpoint: string) => Number(basename(checkpoint).replace('step-', ''))

/** The checkpoints of a folder, oldest first. */
export const listCheckpoints = (folder: string): string[] =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => /^step-\d+$/.test(name))
    .sort()
    .map((name) => join(folder, name))

/** The checkpoint that a path means: its folder, or a file in it. */
export const checkpointAt = (path: string): string | undefined =>
  [path, dirname(path)].find((folder) => /^step-\d+$/.test(basename(resolve(folder))) && existsSync(folder))

/**
 * Writes a checkpoint, then removes all but the newest five.
 *
 * @param writeTensors writes model.safetensors and optimizer.safetensors, durably, into the folder it is given
 */
export async function writeCheckpoint(
  folder: string,
  state: TrainingState,
  writeTensors: (draft: string) => Promise<void>,
): Promise<void> {
  await makeFolderAtomically(checkpointPath(folder, state.step), async (draft) => {
    await writeTensors(draft)
    const files = Object.fromEntries([modelFile, optimizerFile].map((name) => [name, seal(join(draft, name))]))
    writeDurably(join(draft, stateFile), `${JSON.stringify({ ...state, files } satisfies Sealed, null, 2)}\n`)
  })
  for (const old of listCheckpoints(folder).slice(0, -kept)) removeCheckpoint(old)
}

/** @throws where the checkpoint is not as it was written, naming an older one that could be used instead */
export function readState(checkpoint: string): TrainingState {
  try {
    const { files, ...state } = JSON.parse(readFileSync(join(checkpoint, stateFile), 'utf8')) as Sealed
    for (const name of [modelFile, optimizerFile]) {
      const [got, want] = [seal(join(checkpoint, name)), files[name]]
      if (got.bytes !== want?.bytes) throw new Error(`${name} has ${got.bytes} bytes, expected ${want?.bytes}`)
      if (got.sha256 !== want.sha256) throw new Error(`${name} is not what was written: its hash differs`)
    }
    const { epoch, size, position } = state.dataset
    const { images = epoch * size + position, ranks = 1 } = state // which older ones do not name
    return { ...state, images, ranks }
  } catch (error) {
    throw unusable(checkpoint, error)
  }
}

/** An error of a checkpoint, with what can be done. */
export function unusable(checkpoint: string, error: unknown): Error {
  const older = listCheckpoints(dirname(checkpoint)).filter((other) => stepOf(other) < stepOf(checkpoint))
  const advice = older.length
    ? `the one before it is ${older.at(-1)}: name it to use it`
    : 'there is no older one in its run'
  return new Error(`checkpoint ${checkpoint} cannot be used: ${(error as Error).message}; ${advice}`, { cause: error })
}

/** The state goes first, so that what a killed process leaves cannot be taken for a checkpoint. */
export function removeCheckpoint(checkpoint: string): void {
  rmSync(join(checkpoint, stateFile), { force: true })
  rmSync(checkpoint, { recursive: true, force: true })
}

function seal(path: string): { bytes: number; sha256: string } {
  const content = readFileSync(path)
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

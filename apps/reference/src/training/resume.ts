import { join } from 'node:path'
import type { Dataset } from '@unet-industrial/dagm-dataset'
import { broadcastOptimizerState, broadcastVariables, size } from '@unet-industrial/horovod-lite'
import { removeDrafts } from '../files'
import { command } from '../options/commands'
import { overlay, readConfigFile } from '../options/config-file'
import type { Request } from '../options/parse'
import { type Options, schema } from '../options/schema'
import { restoreCheckpoint } from './checkpoint'
import {
  type DataIdentity,
  listCheckpoints,
  readState,
  removeCheckpoint,
  stepOf,
  type TrainingState,
} from './checkpoint-files'
import { cutMetrics } from './metrics-log'
import type { Recipe } from './recipe'
import { type Located, locate, nameLatest, type RunFolder } from './run-folder'
import { isWriter } from './world'

/** A checkpoint to go on from, and what it says. */
interface Resumed extends Located {
  state: TrainingState
}

/**
 * The options to train with: those of the command line, over those of the run that goes on.
 *
 * @param hold keeps other processes from that run; only what is there afterwards counts
 */
export function resolve(
  { command: name, options, given }: Request,
  hold: (run: RunFolder) => void,
): { options: Options; resumed?: Resumed } {
  const { resume, resultsDir } = options
  if (resume === false) return { options }
  const { run } = locate(resultsDir, resume === true ? 'latest' : resume)
  hold(run)
  const located = locate(resultsDir, resume === true ? run.path : resume)
  const saved = readConfigFile(join(located.run.path, 'config.json'))
  return {
    options: schema.parse({ ...command(name).defaults, ...overlay(saved, given) }),
    resumed: { ...located, state: readState(located.checkpoint) },
  }
}

/**
 * Gives every rank the same beginning: rank 0's new weights, or those of its checkpoint, and the data set's place.
 *
 * Several ranks go on where as many images were taken as the checkpoint says, whatever their number was: each has drawn
 * its equal part.
 */
export async function begin(
  resumed: Resumed | undefined,
  { model, optimizer }: Recipe,
  dataset: Dataset,
  data: DataIdentity,
): Promise<void> {
  if (isWriter() && resumed) {
    requireSameData(resumed, data)
    await goOn(resumed, { model, optimizer })
  }
  if (size() > 1) {
    broadcastVariables(model.variables)
    await broadcastOptimizerState(optimizer)
  }
  if (!resumed) return
  const { images, ranks, dataset: place } = resumed.state
  const own = isWriter() && ranks === size()
  dataset.restore(own ? place : { ...dataset.state(), ...placeAfter(images / size(), dataset.size) })
}

/** @throws where the order of images could not go on */
function requireSameData({ run, state: { data: before } }: Resumed, now: DataIdentity): void {
  if (!before || (before.seed === now.seed && before.names === now.names)) return
  const [was, is] = [before, now].map(({ seed, images, names }) => `${images} (${names.slice(0, 8)}) with seed ${seed}`)
  throw new Error(
    `run ${run.path} was trained on other images: got ${is}, expected ${was}; give it the same data and --seed, or begin a new run`,
  )
}

/** Where a data set of `size` samples is when so many have been taken. */
const placeAfter = (taken: number, size: number) => ({
  epoch: Math.floor(Math.round(taken) / size),
  position: Math.round(taken) % size,
})

/** Puts a checkpoint's state into model and optimizer, and forgets what came after it. */
async function goOn(
  { run, checkpoint, state: { step } }: Resumed,
  { model, optimizer }: Pick<Recipe, 'model' | 'optimizer'>,
) {
  removeDrafts(run.checkpoints)
  await restoreCheckpoint(checkpoint, model, optimizer)
  for (const later of listCheckpoints(run.checkpoints).filter((other) => stepOf(other) > step)) removeCheckpoint(later)
  cutMetrics(join(run.path, 'metrics.jsonl'), step)
  nameLatest(join(run.path, '..'), run.name)
}

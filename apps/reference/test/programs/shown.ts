// What each rank is shown when a run goes on: the seed of its order, and the names of the next images. Rank 0 writes it to a file.
import { writeFileSync } from 'node:fs'
import { init, rank, shutdown, size } from '@unet-industrial/horovod-lite'
import { selectBackend } from '../../src/backends'
import { parseArguments } from '../../src/options/parse'
import { identityOf, openSamples, trainingSet } from '../../src/training/data'
import { recipe } from '../../src/training/recipe'
import { begin, resolve } from '../../src/training/resume'
import { fromWriter, isWriter, ofAllRanks } from '../../src/training/world'

const [run, count, file] = [process.argv[2]!, Number(process.argv[3]), process.argv[4]!]
const say = () => {}
await init()
await selectBackend('native', 'training', 1)
const { options, resumed } = fromWriter(() => resolve(parseArguments(['train', '--resume', run], '0')!, () => {}))
const samples = await openSamples(options, 'train', say)
const dataset = await trainingSet({ ...options, batchSize: 1 }, samples, { rank: rank(), size: size() }, say)
await begin(resumed, recipe(options, dataset.sampleShape, { decaySteps: 1 }), dataset, identityOf(samples, options))
const { seed } = dataset.state()
const names: string[] = []
for await (const batch of dataset) {
  names.push(...batch.samples.map(({ name }) => name))
  batch.dispose()
  if (names.length === count) break
}
const all = ofAllRanks({ seed, names })
if (isWriter()) writeFileSync(file, JSON.stringify(all))
await shutdown()

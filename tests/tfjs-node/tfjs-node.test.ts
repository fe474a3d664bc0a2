import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeSafetensors } from '@unet-industrial/tinyunet-model'
import { expectClose, golden, repositoryRoot, type Tolerance } from '@unet-internal/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isTfjsNodeReady, tfjsNodeFolder } from './folder.mjs'

// The app's own training, three steps, on TensorFlow's C library through both packages of tfjs, against `native`.

const ready = isTfjsNodeReady()
const reason = ready ? '' : ` (skipped: not installed in ${tfjsNodeFolder}; node tests/tfjs-node/install.mjs does it)`
const room = mkdtempSync(join(tmpdir(), 'unet-tfjs-node-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

const steps = 3
const options = `--dataset-name synthetic --image-size 64 --synthetic-defective 4 --batch-size 4 --iter-unit batch --learning-rate 1e-3 --use-auto-loss-scaling --num-iter`

interface Trained {
  backend: string
  line: { step: number; loss: number; dice: number; branch: string }
  weights: Record<string, Float32Array>
}

/** Trains in the folder that has the packages, and reads what the run left. */
function train(backend: string, numIter = steps): Trained {
  const name = `${backend}-${numIter}`
  const bin = join(repositoryRoot, 'apps/reference/bin/unet-industrial.mjs')
  const args = [
    'train',
    ...options.split(' '),
    String(numIter),
    '--backend',
    backend,
    '--results-dir',
    room,
    '--run-name',
    name,
  ]
  execFileSync(process.execPath, [bin, ...args], { cwd: tfjsNodeFolder, stdio: 'pipe' })
  const lines = readFileSync(join(room, name, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  const [start, line] = [lines[0]!, lines.at(-1)!].map((text) => JSON.parse(text))
  const checkpoint = join(room, name, 'checkpoints', `step-${String(numIter).padStart(8, '0')}`, 'model.safetensors')
  const { tensors } = decodeSafetensors(readFileSync(checkpoint))
  const weights = Object.fromEntries(Object.entries(tensors).map(([key, { data }]) => [key, data as Float32Array]))
  return { backend: start.backend, line, weights }
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0))
const difference = (a: Float32Array, b: Float32Array) => a.map((value, i) => value - b[i]!)

describe.skipIf(!ready)(`three steps of training on TensorFlow${reason}`, () => {
  // Float32's tolerances for the same training over twelve steps, derived in fixtures/README.md.
  const { steps: wanted, final_tolerance: final } = golden<{
    steps: { relative_tolerance: { loss: number; dice_loss: number } }[]
    final_tolerance: { first: Tolerance }
  }>('train')
  const { relative_tolerance: tolerance } = wanted[steps - 1]!
  let native: Trained
  let before: Trained
  beforeAll(() => {
    native = train('native')
    before = train('native', 1)
  })

  test.each(['node', 'node-gpu'])('%s gives the loss and the weights that native gives', (backend) => {
    const got = train(backend)
    expect(got.backend).toMatch(new RegExp(`^${backend}: TensorFlow [\\d.]+ on the CPU$`))
    expect(got.line).toMatchObject({ step: steps, branch: native.line.branch })
    expectClose(got.line.loss, native.line.loss, { relative: tolerance.loss }, 'loss')
    expectClose(1 - got.line.dice, 1 - native.line.dice, { relative: tolerance.dice_loss }, 'dice loss')
    expect(Object.keys(got.weights)).toHaveLength(46)
    for (const [name, weights] of Object.entries(native.weights)) {
      const change = norm(difference(weights, before.weights[name]!))
      expect(change, `change of ${name}`).toBeGreaterThan(0)
      expectClose(got.weights[name]!, weights, { ...final.first, relative_to: change }, name)
    }
  })
})

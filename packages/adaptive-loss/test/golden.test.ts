import * as tf from '@tensorflow/tfjs-core'
import {
  describeOnBackends,
  type Ellipse,
  ellipseMask,
  expectClose,
  expectNoLeak,
  golden,
  stream,
  uniforms,
} from '@unet-internal/testing'
import { expect, test } from 'vitest'
import {
  adaptiveLoss,
  auroc,
  averagePrecision,
  type Branch,
  diceCoefficient,
  diceLoss,
  type LossFunction,
  l2Loss,
  SegmentationMetrics,
  sigmoidCrossEntropy,
  weightDecay,
} from '../src'

type Tolerance = { relative: number; absolute: number }
type Shape = [number, number, number, number]
interface Batch {
  name: string
  shape: Shape
  logits: number[]
  label: number[]
}
interface LossesGolden {
  tolerance: {
    values: Record<string, Tolerance>
    gradients: Record<string, Tolerance>
    adaptive: { value: Tolerance; gradient: Tolerance; dice_loss: Tolerance }
  }
  batches: (Batch & { values: Record<string, number>; gradients: Record<string, number[]> })[]
  adaptive: {
    threshold: number
    readings: Record<string, { below: Branch; above: Branch }>
    cases: (Batch & {
      dice_loss: number
      readings: Record<string, { branch: Branch; value: number; gradient: number[] }>
    })[]
  }
  weight_decay: {
    factor: number
    variables: Record<string, { shape: number[]; stream: string; low: number; high: number }>
    value: number
    gradients: Record<string, number[]>
    tolerance: { value: Tolerance; gradients: Tolerance }
  }
}
interface MetricsGolden {
  thresholds: number[]
  side: number
  levels: number
  tolerance: { overlap: Tolerance; ranking: Tolerance }
  sets: {
    name: string
    batch: number
    images: {
      mask: Ellipse[]
      prediction: Ellipse[]
      inside: number
      outside: number
      stream: string
      defective: boolean
      score: number
    }[]
    auroc: number | null
    average_precision: number | null
    thresholds: Record<string, Record<string, number | null> & { dice_by_image: number[]; iou_by_image: number[] }>
  }[]
  ties: { score: number[]; label: number[]; auroc: number; average_precision: number }
}

const losses = golden<LossesGolden>('losses')
const metrics = golden<MetricsGolden>('metrics')

const byName: Record<string, LossFunction> = {
  dice_sorensen: (label, logits) => tf.tidy(() => diceCoefficient(label, tf.sigmoid(logits))),
  dice_jaccard: (label, logits) => tf.tidy(() => diceCoefficient(label, tf.sigmoid(logits), { form: 'jaccard' })),
  dice_sorensen_loss: diceLoss,
  dice_jaccard_loss: (label, logits) => diceLoss(label, logits, { form: 'jaccard' }),
  bce: sigmoidCrossEntropy,
  l2_loss: l2Loss,
}

/** Value and gradient with respect to the logits. */
const evaluate = (loss: LossFunction, { shape, logits, label }: Batch) =>
  tf.tidy(() => {
    const y = tf.tensor4d(label, shape)
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor4D) => loss(y, x))(tf.tensor4d(logits, shape))
    return { value: value.dataSync()[0]!, gradient: grad.dataSync() }
  })

/** null is the golden's word for undefined. */
function expectCloseOrNull(got: number | null, want: number | null, tolerance: Tolerance, what: string) {
  if (got === null || want === null) expect(got, what).toBe(want)
  else expectClose(got, want, tolerance, what)
}

describeOnBackends('losses as TensorFlow computes them', () => {
  test.each(losses.batches)('$name', async (batch) => {
    for (const [name, want] of Object.entries(batch.values)) {
      const { value, gradient } = await expectNoLeak(() => evaluate(byName[name]!, batch))
      expectClose(value, want, losses.tolerance.values[name]!, name)
      const wantGradient = batch.gradients[name]
      if (wantGradient) expectClose(gradient, wantGradient, losses.tolerance.gradients[name]!, `gradient of ${name}`)
    }
  })

  test.each(losses.adaptive.cases)('adaptive: $name', async (batch) => {
    const { threshold, readings } = losses.adaptive
    const tolerance = losses.tolerance.adaptive
    for (const [reading, branches] of Object.entries(readings)) {
      const want = batch.readings[reading]!
      const loss = adaptiveLoss({ threshold, ...branches })
      const { value, gradient } = await expectNoLeak(() => evaluate(loss, batch))
      expectClose(value, want.value, tolerance.value, `${reading}: value`)
      expectClose(gradient, want.gradient, tolerance.gradient, `${reading}: gradient`)
      tf.tidy(() => {
        const { label, logits, shape } = batch
        const { diceLoss, useDice } = loss.details(tf.tensor4d(label, shape), tf.tensor4d(logits, shape))
        expectClose(diceLoss.dataSync(), [batch.dice_loss], tolerance.dice_loss, `${reading}: dice loss`)
        expect(useDice.dataSync()[0] ? 'dice' : 'bce', reading).toBe(want.branch)
      })
    }
  })

  test('weight decay', async () => {
    const { factor, variables, value, gradients, tolerance } = losses.weight_decay
    await expectNoLeak(() =>
      tf.tidy(() => {
        const tensors = Object.values(variables).map(({ shape, stream: name, low, high }) =>
          tf.tensor(uniforms(stream(losses.seed, name), tf.util.sizeFromShape(shape), low, high), shape),
        )
        const got = tf.valueAndGrads((...all: tf.Tensor[]) => weightDecay(all, factor))(tensors)
        expectClose(got.value.dataSync(), [value], tolerance.value, 'value')
        Object.keys(variables).forEach((name, i) => {
          expectClose(got.grads[i]!.dataSync(), gradients[name]!, tolerance.gradients, `gradient of ${name}`)
        })
      }),
    )
  })
})

/** A set's masks and probabilities, one array an image (fixtures/README.md, metrics.json). */
const pictures = (set: MetricsGolden['sets'][number]) =>
  set.images.map((image) => {
    const next = stream(metrics.seed, image.stream)
    const probability = ellipseMask(image.prediction, metrics.side, metrics.side).map((predicted) => {
      const low = predicted ? Math.floor(image.inside / 2) : 0
      const high = predicted ? image.inside : image.outside
      return (Math.floor(next() * (high - low + 1)) + low) / metrics.levels
    })
    return { mask: ellipseMask(image.mask, metrics.side, metrics.side), probability }
  })

describeOnBackends('metrics as TensorFlow and scikit-learn compute them', () => {
  const { tolerance, thresholds, side } = metrics
  test.each(metrics.sets)('$name', async (set) => {
    const images = pictures(set)
    const segmentation = new SegmentationMetrics({ thresholds })
    const batchTensor = (parts: Float32Array[]) =>
      tf.tensor4d(Float32Array.from(parts.flatMap((part) => [...part])), [parts.length, side, side, 1])
    const byImage = await expectNoLeak(async () => {
      const all = []
      for (let start = 0; start < images.length; start += set.batch) {
        const batch = images.slice(start, start + set.batch)
        const [mask, probability] = [
          batchTensor(batch.map(({ mask }) => mask)),
          batchTensor(batch.map((b) => b.probability)),
        ]
        all.push(...(await segmentation.update(mask, probability)))
        tf.dispose([mask, probability])
      }
      return all
    })
    expect(byImage.map(({ score }) => score)).toEqual(set.images.map(({ score }) => score))
    expect(byImage.map(({ defective }) => defective)).toEqual(set.images.map(({ defective }) => defective))

    const result = segmentation.result()
    expect(result).toMatchObject({ images: images.length, defective: set.images.filter((i) => i.defective).length })
    expectCloseOrNull(result.auroc, set.auroc, tolerance.ranking, 'auroc')
    expectCloseOrNull(result.averagePrecision, set.average_precision, tolerance.ranking, 'average precision')
    for (const [threshold, want] of Object.entries(set.thresholds)) {
      const got = result.thresholds[threshold]!
      const overlaps = byImage.map((image) => image.thresholds[threshold]!)
      expectClose(
        overlaps.map(({ dice }) => dice),
        want.dice_by_image,
        tolerance.overlap,
        `dice at ${threshold}`,
      )
      expectClose(
        overlaps.map(({ iou }) => iou),
        want.iou_by_image,
        tolerance.overlap,
        `iou at ${threshold}`,
      )
      expectCloseOrNull(got.dice, want.dice!, tolerance.overlap, `mean dice at ${threshold}`)
      expectCloseOrNull(got.iou, want.iou!, tolerance.overlap, `mean iou at ${threshold}`)
      expectCloseOrNull(got.diceDefective, want.dice_defective!, tolerance.overlap, `defective dice at ${threshold}`)
      expectCloseOrNull(got.iouDefective, want.iou_defective!, tolerance.overlap, `defective iou at ${threshold}`)
      expectCloseOrNull(got.tpr, want.tpr!, tolerance.ranking, `tpr at ${threshold}`)
      expectCloseOrNull(got.tnr, want.tnr!, tolerance.ranking, `tnr at ${threshold}`)
      for (const key of ['tp', 'tn', 'fp', 'fn'] as const) expect(got[key], `${key} at ${threshold}`).toBe(want[key])
    }
  })

  test('ties', () => {
    const { score, label, auroc: area, average_precision } = metrics.ties
    const defective = label.map(Boolean)
    expectClose(auroc(score, defective)!, area, tolerance.ranking, 'auroc')
    expectClose(averagePrecision(score, defective)!, average_precision, tolerance.ranking, 'average precision')
  })
})

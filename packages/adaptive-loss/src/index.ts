import { registerGradients } from '@unet-internal/tfjs-gradients'

registerGradients()

export {
  type AdaptiveLoss,
  type AdaptiveLossDetails,
  type AdaptiveLossOptions,
  adaptiveLoss,
  type Branch,
} from './losses/adaptive'
export { type LossName, lossByName, lossNames } from './losses/by-name'
export { sigmoidCrossEntropy } from './losses/cross-entropy'
export { type DiceForm, type DiceOptions, diceCoefficient, diceLoss } from './losses/dice'
export { l2Loss, weightDecay } from './losses/l2'
export type { LossFunction } from './losses/types'
export type { Overlap } from './metrics/overlap'
export { auroc, averagePrecision } from './metrics/ranking'
export {
  type ImageMetrics,
  referenceThresholds,
  SegmentationMetrics,
  type SegmentationMetricsOptions,
  type SegmentationResult,
  type ThresholdResult,
} from './metrics/segmentation-metrics'

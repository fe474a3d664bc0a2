import { registerGradients } from '@unet-internal/tfjs-gradients'

registerGradients()

export * from './losses/adaptive'
export * from './losses/by-name'
export * from './losses/cross-entropy'
export * from './losses/dice'
export * from './losses/l2'
export * from './losses/types'
export type { Overlap } from './metrics/overlap'
export * from './metrics/ranking'
export * from './metrics/segmentation-metrics'

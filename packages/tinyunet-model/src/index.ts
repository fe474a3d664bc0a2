import { registerGradients } from '@unet-internal/tfjs-gradients'

registerGradients()

export type { ActivationName } from './activations'
export type { TinyUNetConfig, TinyUNetOptions } from './config'
export type { InitializerName } from './initializers'
export { safetensors } from './io/safetensors-handler'
export { loadTinyUNet } from './load'
export { TinyUNet, tinyUNet } from './model'
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsDtype,
  type SafetensorsFile,
  type SafetensorsTensor,
} from './safetensors'
export type { Variant } from './structure'
export type { ModelSummary, SummaryRow } from './summary'

import * as tf from '@tensorflow/tfjs-core'

/**
 * The label as float32, of the shape of what it is compared with.
 *
 * That its values lie in [0, 1] is looked at in tfjs's debug mode alone (`tf.enableDebugMode()`): it would have to be
 * read back, which a training step must not wait for.
 */
export function checkLabel(label: tf.Tensor, predicted: tf.Tensor, what: 'logits' | 'prediction'): tf.Tensor {
  if (!tf.util.arraysEqual(label.shape, predicted.shape))
    throw new Error(
      `label has shape [${label.shape}], ${what} [${predicted.shape}]; they must be equal: resize or reshape one of them`,
    )
  if (tf.env().getBool('DEBUG')) checkRange(label)
  return tf.cast(label, 'float32')
}

function checkRange(label: tf.Tensor) {
  const outside = label.dataSync().find((value) => !(value >= 0 && value <= 1))
  if (outside !== undefined)
    throw new Error(`label has the value ${outside}, expected values in [0, 1]; divide an 8-bit mask by 255`)
}

import * as tf from '@tensorflow/tfjs-core'

/** The object of `{ className, config }`, as tfjs's `toConfig`-like methods give it. @throws where the class is not registered */
export function restored(value: tf.serialization.ConfigDictValue | undefined): tf.serialization.Serializable {
  const { className, config } = value as { className: string; config: tf.serialization.ConfigDict }
  const registered = tf.serialization.SerializationMap.getMap().classNameMap[className]
  if (!registered)
    throw new Error(`got class ${className}, expected a registered one: call tf.serialization.registerClass`)
  const [cls, fromConfig] = registered
  return fromConfig(cls, config)
}

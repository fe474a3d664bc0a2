import * as tf from '@tensorflow/tfjs-core'

// String tensors travel as bytes: how many, the length of each, then all of them. Numbers have 4 bytes, little endian.

/** A string tensor's strings as they are stored. */
export const readStrings = ({ dataId }: tf.Tensor): Uint8Array[] =>
  tf.engine().readSync(dataId) as unknown as Uint8Array[]

export function encodeStrings(strings: readonly Uint8Array[]): Uint8Array {
  const head = 4 * strings.length
  const bytes = new Uint8Array(strings.reduce((sum, { byteLength }) => sum + byteLength, 4 + head))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, strings.length, true)
  let at = 4 + head
  for (const [i, string] of strings.entries()) {
    view.setUint32(4 + 4 * i, string.byteLength, true)
    bytes.set(string, at)
    at += string.byteLength
  }
  return bytes
}

export function decodeStrings(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = bytes.byteLength > 0 ? view.getUint32(0, true) : 0
  let at = 4 + 4 * count
  return Array.from({ length: count }, (_, i) => {
    const start = at
    at += view.getUint32(4 + 4 * i, true)
    return bytes.slice(start, at)
  })
}

export const stringTensor = (strings: Uint8Array[], shape: number[]): tf.Tensor =>
  tf.tensor(strings as unknown as string[], shape, 'string')

// Shapes as the kernels take them: sizes, then the strides of two tensors, with as few dimensions as possible.

/** Most dimensions that native/kernels/kernels.h allows. */
const MAX_RANK = 8

/** Elements between neighbours along each dimension of a dense tensor. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]!
  }
  return strides
}

/** Strides that read a tensor as if it had the (larger) shape `to`: 0 where it repeats. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const lacking = to.length - from.length
  const strides = denseStrides(from)
  return to.map((_, i) => (i < lacking || from[i - lacking] === 1 ? 0 : strides[i - lacking]!))
}

/**
 * [sizes, strides of a, strides of b] as the addon takes it; dimensions of size 1 are dropped and those that both
 * tensors step through evenly become one. Undefined when more remain than the kernels take.
 */
export function pack(sizes: readonly number[], a: readonly number[], b: readonly number[]): Int32Array | undefined {
  const kept: { size: number; a: number; b: number }[] = []
  sizes.forEach((size, i) => {
    if (size === 1) return
    const outer = kept.at(-1)
    if (outer && outer.a === a[i]! * size && outer.b === b[i]! * size)
      kept[kept.length - 1] = { size: outer.size * size, a: a[i]!, b: b[i]! }
    else kept.push({ size, a: a[i]!, b: b[i]! })
  })
  if (kept.length === 0) kept.push({ size: 1, a: 0, b: 0 })
  if (kept.length > MAX_RANK) return undefined
  return Int32Array.from([...kept.map((d) => d.size), ...kept.map((d) => d.a), ...kept.map((d) => d.b)])
}

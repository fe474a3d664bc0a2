/** A source of floats in [0, 1) with 24 random bits, so that each is a float32. */
export type Random = () => number

/**
 * A named stream of random numbers: FNV-1a of `${seed}/${name}` starts Mulberry32.
 *
 * Each variable has a stream of its own, so that its start depends on nothing but the seed and its name.
 */
export function stream(seed: number, name: string): Random {
  let state = 0x811c9dc5
  for (const byte of new TextEncoder().encode(`${seed}/${name}`)) state = Math.imul(state ^ byte, 0x01000193)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 8) / 2 ** 24
  }
}

/** A standard normal number (Box and Muller 1958; the sine's half is not used). */
export const normal = (next: Random): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())

/** A standard normal number drawn again while it is beyond ±2, as TensorFlow's truncated_normal. */
export function truncatedNormal(next: Random): number {
  let value = normal(next)
  while (Math.abs(value) >= 2) value = normal(next)
  return value
}

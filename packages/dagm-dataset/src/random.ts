/** A source of floats in [0, 1). */
export type Random = () => number

/** 32 bits that depend on every one of some integers and on their order (MurmurHash3, 32-bit). */
export function hash(...values: number[]): number {
  let state = 0
  for (const value of values) {
    let k = Math.imul(value, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    state ^= k
    state = (Math.imul((state << 13) | (state >>> 19), 5) + 0xe6546b64) | 0
  }
  state ^= values.length * 4
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}

/** The stream of random numbers that some integers name: sfc32, 128 bits of state. */
export function stream(...key: number[]): Random {
  let [a, b, c, counter] = [hash(...key, 1), hash(...key, 2), hash(...key, 3), 1]
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

/** A float in [low, high). */
export const uniform = (next: Random, low: number, high: number) => low + (high - low) * next()

/** 0 … size − 1 in random order (Fisher-Yates). */
export function permutation(size: number, next: Random): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, i) => i)
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const held = order[i]!
    order[i] = order[j]!
    order[j] = held
  }
  return order
}

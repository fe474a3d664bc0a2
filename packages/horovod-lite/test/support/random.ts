/** 32 random bits at a time, as a number; the same in every process for a seed. */
export function randomBits(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
}

/** Numbers in [0, 1), likewise. */
export function chance(seed: number): () => number {
  const bits = randomBits(seed)
  return () => bits() / 2 ** 32
}

/** Whole numbers from 0 below a limit, likewise. */
export function wholeNumbers(seed: number): (limit: number) => number {
  const random = chance(seed)
  return (limit) => Math.floor(random() * limit)
}

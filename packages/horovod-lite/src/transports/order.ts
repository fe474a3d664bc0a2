// The order in which ranks are summed: tcp and shm share it, so that they give the same bits.

/** Smaller arrays go by recursive halving, where the number of ranks is a power of two: log2(P) messages instead of P − 1. */
export const HALVING_BELOW = 64 * 1024

export type Algorithm = 'ring' | 'halving'

export const algorithmFor = (size: number, bytes: number): Algorithm =>
  bytes < HALVING_BELOW && (size & (size - 1)) === 0 ? 'halving' : 'ring'

/** Where chunk `c` of `parts` begins, in elements: equal parts, the first ones one longer. Chunk c ends where c + 1 begins. */
export const chunkStart = (elements: number, parts: number, c: number): number =>
  Math.floor(elements / parts) * c + Math.min(c, elements % parts)

/*
 * ring: chunk c is summed in the order of ranks c + 1, c + 2, …, c (mod P); rank c has the sum first.
 * halving: pairs at distance P/2, then P/4, … 1: each rank keeps the half whose bit of its own number it has and adds the
 *   partner's, so that the sum of chunk c is a balanced tree: S(d) of ranks r and r ^ d, the rank that keeps the chunk on
 *   the left. For commutative operations both sides of a pair are equal, so the tree alone decides the bits.
 */

/** Bytes that lie one after the other, `counts[r]` of them for each rank: rank r's. */
export function blocksOf(bytes: Uint8Array, counts: readonly number[]): Uint8Array[] {
  let at = 0
  return counts.map((count) => {
    at += count
    return bytes.subarray(at - count, at)
  })
}

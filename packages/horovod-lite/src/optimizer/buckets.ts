/** A variable as the plan sees it. */
export interface Sized {
  name: string
  /** Of its gradient, uncompressed. */
  bytes: number
}

/**
 * Which gradients travel together: the variables from the last to the first, as backward produces their gradients, cut
 * before a bucket would grow over `bucketBytes`. A larger variable is a bucket by itself; with 0 each one is.
 *
 * It depends on the variables alone, never on which of them have gradients, so that it is the same on every rank.
 */
export function planBuckets(variables: readonly Sized[], bucketBytes: number): string[][] {
  const buckets: string[][] = []
  let free = 0
  for (const { name, bytes } of [...variables].reverse()) {
    if (buckets.length === 0 || bytes > free) {
      buckets.push([])
      free = bucketBytes
    }
    buckets.at(-1)!.push(name)
    free -= bytes
  }
  return buckets
}

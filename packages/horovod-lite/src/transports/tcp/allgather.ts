import { blocksOf } from './blocks'
import type { Links } from './links'
import { passRound } from './round'

/** Each rank's bytes go round the ring, so that a rank sends and receives each byte once. */
export async function ringAllgather(
  links: Links,
  input: Uint8Array,
  output: Uint8Array,
  counts: readonly number[],
): Promise<void> {
  const { rank, size } = links
  const blocks = blocksOf(output, counts)
  blocks[rank]!.set(input)
  await passRound(
    links,
    blocks.map((_, step) => blocks[(rank - step + size) % size]!),
  )
}

import { blocksOf } from './blocks'
import type { Links } from './links'
import { Views } from './views'

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
  const around = blocks.map((_, step) => blocks[(rank - step + size) % size]!)
  const outgoing = around.slice(0, -1)
  const incoming = around.slice(1).map((into) => ({ into }))
  const lead = input.byteLength
  await new Views(links).run({ to: (rank + 1) % size, from: (rank + size - 1) % size, outgoing, incoming, lead })
}

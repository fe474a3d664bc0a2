import { blocksOf } from './blocks'
import type { Links } from './links'

/** In step s each rank sends to the rank s after it and receives from the rank s before it. */
export async function pairwiseAlltoall(
  links: Links,
  input: Uint8Array,
  sendCounts: readonly number[],
  output: Uint8Array,
  receiveCounts: readonly number[],
): Promise<void> {
  const { rank, size } = links
  const [outgoing, incoming] = [blocksOf(input, sendCounts), blocksOf(output, receiveCounts)]
  incoming[rank]!.set(outgoing[rank]!)
  for (let step = 1; step < size; step++) {
    const [to, from] = [(rank + step) % size, (rank - step + size) % size]
    await Promise.all([links.send(to, outgoing[to]!), links.receive(from, incoming[from]!)])
  }
}

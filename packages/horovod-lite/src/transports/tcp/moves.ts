import type { Links } from './links'

/** Piece in which a broadcast goes down the tree, so that a rank hands on while it receives. */
const SEGMENT = 256 * 1024

/** Each rank's bytes go round the ring, so that a rank sends and receives each byte once. */
export async function ringAllgather(
  links: Links,
  input: Uint8Array,
  output: Uint8Array,
  counts: readonly number[],
): Promise<void> {
  const { rank, size } = links
  const starts = startsOf(counts)
  const block = (r: number) => {
    const at = (r + size) % size
    return output.subarray(starts[at]!, starts[at]! + counts[at]!)
  }
  block(rank).set(input)
  for (let step = 0; step < size - 1; step++)
    await Promise.all([
      links.send((rank + 1) % size, block(rank - step)),
      links.receive((rank + size - 1) % size, block(rank - step - 1)),
    ])
}

/** Down a binomial tree from the root, in pieces. */
export async function treeBroadcast(links: Links, data: Uint8Array, root: number): Promise<void> {
  const { size } = links
  const actual = (place: number) => (place + root) % size
  const [parent, children] = treeOf((links.rank - root + size) % size, size)
  const sent: Promise<void>[] = []
  for (let at = 0; at < data.byteLength; at += SEGMENT) {
    const piece = data.subarray(at, at + SEGMENT)
    if (parent !== undefined) await links.receive(actual(parent), piece)
    sent.push(...children.map((child) => links.send(actual(child), piece)))
  }
  await Promise.all(sent)
}

/** Binomial tree with root 0: the parent is the place without its lowest bit. */
function treeOf(place: number, size: number): [parent: number | undefined, children: number[]] {
  const lowest = place === 0 ? 2 ** Math.ceil(Math.log2(size)) : place & -place
  const children: number[] = []
  for (let bit = lowest >>> 1; bit >= 1; bit >>>= 1) if (place + bit < size) children.push(place + bit)
  return [place === 0 ? undefined : place - lowest, children]
}

/** In step s each rank sends to the rank s after it and receives from the rank s before it. */
export async function pairwiseAlltoall(
  links: Links,
  input: Uint8Array,
  sendCounts: readonly number[],
  output: Uint8Array,
  receiveCounts: readonly number[],
): Promise<void> {
  const { rank, size } = links
  const [outgoing, incoming] = [startsOf(sendCounts), startsOf(receiveCounts)]
  const part = (bytes: Uint8Array, starts: number[], counts: readonly number[], r: number) =>
    bytes.subarray(starts[r]!, starts[r]! + counts[r]!)
  part(output, incoming, receiveCounts, rank).set(part(input, outgoing, sendCounts, rank))
  for (let step = 1; step < size; step++) {
    const [to, from] = [(rank + step) % size, (rank - step + size) % size]
    await Promise.all([
      links.send(to, part(input, outgoing, sendCounts, to)),
      links.receive(from, part(output, incoming, receiveCounts, from)),
    ])
  }
}

/** Where each rank's bytes begin. */
function startsOf(counts: readonly number[]): number[] {
  const starts: number[] = []
  let at = 0
  for (const count of counts) {
    starts.push(at)
    at += count
  }
  return starts
}

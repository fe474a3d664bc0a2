import type { Links } from './links'
import { Sends } from './sends'

/** Bytes that are handed on while the next are on their way. */
const SEGMENT = 128 * 1024
/** Larger data goes from rank to rank: each sends it once, where the tree's root sends it log2(P) times. */
const CHAIN_FROM = 8 * SEGMENT

/** Where a rank's data comes from, and where it goes; places are counted from the root. */
interface Family {
  parent: number | undefined
  children: number[]
}

/** From the root to all: down a binomial tree, or where there is much of it along a chain. In place. */
export async function broadcast(links: Links, data: Uint8Array, root: number): Promise<void> {
  const { size } = links
  const rankAt = (place: number) => (place + root) % size
  const place = (links.rank - root + size) % size
  const { parent, children } = data.byteLength < CHAIN_FROM ? binomialTree(place, size) : chain(place, size)
  const sends = new Sends()
  for (let at = 0; at < data.byteLength; at += SEGMENT) {
    const piece = data.subarray(at, at + SEGMENT)
    if (parent !== undefined) await sends.unlessFailed(links.receive(rankAt(parent), piece))
    for (const child of children) sends.add(links.send(rankAt(child), piece))
  }
  await sends.done()
}

const chain = (place: number, size: number): Family => ({
  parent: place === 0 ? undefined : place - 1,
  children: place + 1 < size ? [place + 1] : [],
})

/** The parent is the place without its lowest bit; the farthest child first. */
function binomialTree(place: number, size: number): Family {
  const lowest = place === 0 ? 2 ** Math.ceil(Math.log2(size)) : place & -place
  const children: number[] = []
  for (let bit = lowest >>> 1; bit >= 1; bit >>>= 1) if (place + bit < size) children.push(place + bit)
  return { parent: place === 0 ? undefined : place - lowest, children }
}

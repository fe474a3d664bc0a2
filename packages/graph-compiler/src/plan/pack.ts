/** Memory needed for a while: from node `first` to node `last`, both included. */
export interface Block {
  readonly bytes: number
  readonly first: number
  readonly last: number
}

const overlap = (a: Block, b: Block) => a.first <= b.last && b.first <= a.last

/**
 * Places in one arena, so that blocks needed at the same time never overlap: each block, in some order, goes to the lowest gap
 * that holds it. No order is always best, so a few are tried (Pisarchyk and Lee 2020, "Efficient memory management for deep
 * neural net inference", compare them).
 *
 * @returns the place of each block, and the bytes of the arena
 */
export function pack(blocks: readonly Block[], alignment = 1): { places: number[]; bytes: number } {
  const duration = ({ first, last }: Block) => last - first + 1
  const orders: ((a: Block, b: Block) => number)[] = [
    (a, b) => b.bytes - a.bytes || duration(b) - duration(a) || a.first - b.first,
    (a, b) => b.bytes * duration(b) - a.bytes * duration(a) || a.first - b.first,
    (a, b) => duration(b) - duration(a) || b.bytes - a.bytes || a.first - b.first,
    (a, b) => a.first - b.first || b.last - a.last || b.bytes - a.bytes,
  ]
  return orders
    .map((order) => packInOrder(blocks, order, alignment))
    .reduce((best, next) => (next.bytes < best.bytes ? next : best))
}

function packInOrder(blocks: readonly Block[], compare: (a: Block, b: Block) => number, alignment: number) {
  const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment
  const places = blocks.map(() => 0)
  /** Blocks that have their place, from the lowest. */
  const placed: number[] = []
  for (const i of [...blocks.keys()].sort((a, b) => compare(blocks[a]!, blocks[b]!) || a - b)) {
    const block = blocks[i]!
    let place = 0
    for (const other of placed) {
      if (!overlap(blocks[other]!, block)) continue
      if (places[other]! >= place + block.bytes) break
      place = Math.max(place, aligned(places[other]! + blocks[other]!.bytes))
    }
    places[i] = place
    const behind = placed.findIndex((other) => places[other]! > place)
    placed.splice(behind < 0 ? placed.length : behind, 0, i)
  }
  return { places, bytes: Math.max(0, ...blocks.map(({ bytes }, i) => aligned(places[i]! + bytes))) }
}

/** The most bytes that are needed at once: no arena can be smaller. */
export function mostAtOnce(blocks: readonly Block[]): number {
  const changes = new Map<number, number>()
  for (const { bytes, first, last } of blocks) {
    changes.set(first, (changes.get(first) ?? 0) + bytes)
    changes.set(last + 1, (changes.get(last + 1) ?? 0) - bytes)
  }
  let [now, most] = [0, 0]
  for (const time of [...changes.keys()].sort((a, b) => a - b)) {
    now += changes.get(time)!
    most = Math.max(most, now)
  }
  return most
}

// A transport of one's own, as a user writes it: everything goes to everybody, and is reduced in the order of ranks.

/** @type {import('@unet-industrial/horovod-lite').TransportModule['connect']} */
export function connect({ rank, peers, links }) {
  const ranks = peers.map((peer) => peer.rank)
  const others = ranks.filter((other) => other !== rank)

  /** Every rank's bytes. */
  async function gather(bytes, counts) {
    const all = ranks.map((other) => (other === rank ? bytes : new Uint8Array(counts[other])))
    await Promise.all(others.flatMap((other) => [links.send(other, bytes), links.receive(other, all[other])]))
    return all
  }

  return {
    name: 'simple',
    async allreduce(data, type, op) {
      if (type !== 'float32' || op !== 'Sum') throw new Error(`simple: got ${op} of ${type}, expected Sum of float32`)
      const all = await gather(data.slice(), Array(ranks.length).fill(data.byteLength))
      const sum = new Float32Array(data.byteLength / 4)
      for (const bytes of all) for (const [i, value] of new Float32Array(bytes.buffer).entries()) sum[i] += value
      data.set(new Uint8Array(sum.buffer))
    },
    async allgather(input, output, counts) {
      const all = await gather(input, counts)
      let at = 0
      for (const bytes of all) {
        output.set(bytes, at)
        at += bytes.byteLength
      }
    },
    async broadcast(data, root) {
      const counts = ranks.map((other) => (other === root ? data.byteLength : 0))
      data.set((await gather(rank === root ? data.slice() : new Uint8Array(), counts))[root])
    },
    async alltoall() {
      throw new Error('simple: has no alltoall')
    },
    async close() {},
  }
}

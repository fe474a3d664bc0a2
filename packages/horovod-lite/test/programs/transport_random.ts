// Random operations of a transport, without negotiation, against what they must give: every rank knows all ranks' inputs.
// HOROVOD_TRANSPORT names the transport. Arguments: how many operations, and a seed. Prints { transport, operations }.
import { joinWorld } from '../../src/background/join-world'
import { newSignals } from '../../src/process/messages'
import { loadNative } from '../../src/transports/native'
import { algorithmFor, chunkStart } from '../../src/transports/order'
import { bytesOf, reduceInto } from '../../src/transports/reduction'
import type { Reduction, WireType } from '../../src/transports/transport'
import { worldOf } from '../../src/world'
import { wholeNumbers } from '../support/random'

const [operations, seed] = process.argv.slice(2).map(Number) as [number, number]
const environment = process.env
const transportName = environment.HOROVOD_TRANSPORT ?? 'auto'
if (environment.TEST_UID && loadNative()) process.setuid!(Number(environment.TEST_UID)) // another user, with the addon
const signals = newSignals()
const start = { world: worldOf(environment), environment, transport: transportName, signals }
const alive = setInterval(() => {}, 1000) // sockets do not keep a process
const joined = await joinWorld(start, { onHostsUpdated: () => {}, onBroken: () => {} })
const { transport, world } = joined
const { rank, size } = world

/** The order of a reduction is Open MPI's own. */
const exactly = transport.name === 'mpi'
/** Bits of 1, −1, 2, −2. */
const smallNumbers: Partial<Record<WireType, number[]>> = {
  float32: [0x3f800000, 0xbf800000, 0x40000000, 0xc0000000],
  float16: [0x3c00, 0xbc00, 0x4000, 0xc000],
  bfloat16: [0x3f80, 0xbf80, 0x4000, 0xc000],
}
/** Whole numbers below a limit, the same on every rank. */
const random = wholeNumbers(seed)
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
/** Small, around the pieces of a small segment, or some hundred thousand. */
const length = () => pick([() => random(20), () => random(3000), () => 5000 + random(40_000), () => random(400_000)])()

for (let i = 0; i < operations; i++) {
  const what = pick([allreduce, allreduce, allgather, broadcast, alltoall])
  const [got, expected, call] = await what()
  if (!Buffer.from(got).equals(Buffer.from(expected)))
    throw new Error(`operation ${i} on rank ${rank}: ${call} is wrong`)
}
joined.control.announce({ say: 'leave' })
await joined.control.close()
await transport.close()
joined.close()
clearInterval(alive)
console.log(JSON.stringify({ transport: transport.name, operations }))

type Outcome = Promise<[got: Uint8Array, expected: Uint8Array, call: string]>

async function allreduce(): Outcome {
  const type = pick(['float32', 'int32', 'bool', 'float16', 'bfloat16'] as const)
  const op = pick(['Sum', 'Min', 'Max', 'Product'] as const)
  const unit = bytesOf[type]
  const inputs = Array.from({ length: size }, everyRank(unit * length(), type))
  const expected = reduced(inputs, type, op)
  const call = `allreduce of ${expected.byteLength} bytes of ${type}, ${op}`
  const [place, apart, elsewhere] = [random(8), random(2) === 1, random(8)] // also where the addon is missing on this rank
  const own = at(inputs[rank]!, place)
  if (!transport.allreduceDirect || !apart) {
    await transport.allreduce(own, type, op)
    return [own, expected, call]
  }
  const native = loadNative()
  if ('reason' in native) throw new Error(native.reason)
  const output = at(new Uint8Array(own.byteLength), elsewhere)
  const [from, to] = [own, output].map((array) => ({ address: native.addressOf(array), bytes: array.byteLength }))
  await transport.allreduceDirect(from!, to!, type, op)
  if (!Buffer.from(own).equals(Buffer.from(inputs[rank]!))) throw new Error(`${call} has changed its input`)
  return [output, expected, call]
}

async function allgather(): Outcome {
  const inputs = Array.from({ length: size }, () => bytes(random(4) === 0 ? 0 : length()))
  const counts = inputs.map(({ byteLength }) => byteLength)
  const output = new Uint8Array(counts.reduce((sum, count) => sum + count, 0))
  await transport.allgather(inputs[rank]!, output, counts)
  return [output, Buffer.concat(inputs), `allgather of ${counts} bytes`]
}

async function broadcast(): Outcome {
  const root = random(size)
  const sent = bytes(length())
  const data = rank === root ? sent.slice() : new Uint8Array(sent.byteLength)
  await transport.broadcast(data, root)
  return [data, sent, `broadcast of ${sent.byteLength} bytes from ${root}`]
}

async function alltoall(): Outcome {
  const parts = Array.from({ length: size }, () =>
    Array.from({ length: size }, () => bytes(random(4) === 0 ? 0 : Math.ceil(length() / size))),
  )
  const [sent, received] = [parts[rank]!, parts.map((of) => of[rank]!)]
  const counts = (list: Uint8Array[]) => list.map(({ byteLength }) => byteLength)
  const expected = Buffer.concat(received)
  const output = new Uint8Array(expected.byteLength)
  await transport.alltoall(Buffer.concat(sent), counts(sent), output, counts(received))
  return [output, expected, `alltoall of ${counts(sent)} bytes`]
}

/** In the order of src/transports/order.ts. */
function reduced(inputs: Uint8Array[], type: WireType, op: Reduction): Uint8Array {
  const sum = (a: Uint8Array, b: Uint8Array) => {
    const result = a.slice()
    reduceInto(result, b, type, op)
    return result
  }
  const tree = (first: number, step: number): Uint8Array =>
    step === size ? inputs[first]! : sum(tree(first, 2 * step), tree(first + step, 2 * step))
  const total = inputs[0]!.byteLength
  if (algorithmFor(size, total) === 'halving') return tree(0, 1)
  const border = (c: number) => chunkStart(total / bytesOf[type], size, c) * bytesOf[type]
  const chunk = (c: number) => (r: number) => inputs[r % size]!.slice(border(c), border(c + 1))
  return Buffer.concat(
    inputs.map((_, c) =>
      inputs
        .map((_, i) => c + 1 + i)
        .map(chunk(c))
        .reduce(sum),
    ),
  )
}

/** Numbers of a type, none of them NaN, whose sums and products are rounded, or never (`exactly`). */
function everyRank(byteLength: number, type: WireType): () => Uint8Array {
  return () => {
    const result = bytes(byteLength)
    const view = new DataView(result.buffer)
    const set = (i: number, bits: number) =>
      type === 'float32' ? view.setUint32(i, bits, true) : view.setUint16(i, bits, true)
    for (let i = 0; i < byteLength; i += bytesOf[type])
      if (type === 'bool') result[i]! &= 1
      else if (type !== 'int32' && exactly) set(i, smallNumbers[type]![result[i]! % 4]!)
      else if (type === 'float32') view.setFloat32(i, (result[i]! - 128 + result[i + 1]! / 256) / 77, true)
      else if (type === 'float16') set(i, (view.getUint16(i, true) & 0x83ff) | 0x3800)
      else if (type === 'bfloat16') set(i, (view.getUint16(i, true) & 0x807f) | 0x3f00)
    return result
  }
}

function bytes(length: number): Uint8Array {
  const result = new Uint8Array(length)
  const next = wholeNumbers(random(2 ** 32))
  for (let i = 0; i < length; i++) result[i] = next(256)
  return result
}

/** A copy at another alignment. */
function at(source: Uint8Array, offset: number): Uint8Array {
  const copy = new Uint8Array(source.byteLength + offset).subarray(offset)
  copy.set(source)
  return copy
}

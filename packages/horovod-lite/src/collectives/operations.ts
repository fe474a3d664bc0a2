import * as tf from '@tensorflow/tfjs-core'
import { context } from '../context'
import type { Submission } from '../negotiation/submission'
import type { Client, Outcome } from '../process/client'
import { eachDtype, type Group } from './groups'
import { byteLength, bytesOf, read, tensorsOf, valuesOf } from './packing'
import { done, map, type Pending, pending } from './pending'
import { decodeStrings, encodeStrings, readStrings, stringTensor } from './strings'

/** What every operation takes. */
export interface Named {
  /** By which the ranks' calls find each other. Default the kind, `noname` and a number in the order of calls. */
  name?: string
}

export interface Rooted extends Named {
  /** Default 0. */
  root?: number
}

/** What this rank sends: so many bytes, which `fill` writes. */
interface Payload {
  bytes: number
  fill?(data: Uint8Array): void
}

const nothing: Payload = { bytes: 0 }
const payloadOf = (...parts: Uint8Array[]): Payload => ({
  bytes: sum(parts.map(({ byteLength }) => byteLength)),
  fill(data) {
    let at = 0
    for (const part of parts) {
      data.set(part, at)
      at += part.byteLength
    }
  },
})

const plain = { entries: [], wire: 'bytes' as const, attributes: {}, fusable: false }

/** Submits an operation that moves bytes. `take` makes its result of what came, and of `data` (broadcast). */
function submit<T>(
  client: Client,
  submission: Pick<Submission, 'kind' | 'name'> & Partial<Submission>,
  { bytes, fill }: Payload,
  take: (outcome: Outcome, data: Uint8Array) => T,
): Pending<T> {
  const data = client.memory.take(bytes)
  fill?.(data)
  return map(pending(client, client.submit({ ...plain, bytes, ...submission }, { data })), (outcome) => {
    const result = take(outcome, data)
    client.memory.give(data)
    return result
  })
}

const entryOf = (name: string, { shape, dtype }: tf.Tensor) => ({ name, shape, dtype })

/** A tensor's rows. */
function rowsPayload(tensor: tf.Tensor): Payload {
  const { shape, dtype, size } = tensor
  if (size === 0) return { bytes: shape[0]! } // rows without anything are counted too
  if (dtype === 'string') return payloadOf(encodeStrings(readStrings(tensor)))
  return numbersPayload([tensor], dtype)
}

const numbersPayload = (tensors: readonly tf.Tensor[], dtype: tf.DataType): Payload => ({
  bytes: sum(tensors.map(({ shape }) => byteLength(shape, dtype))),
  fill(data) {
    const { values, release } = read(tensors, dtype)
    data.set(bytesOf(values))
    release()
  },
})

/** The bytes of each rank, as they were received. */
function partsOf({ output, counts }: Outcome): Uint8Array[] {
  let at = 0
  return counts!.map((count) => {
    at += count
    return output!.subarray(at - count, at)
  })
}

/** Received rows as a tensor, and how many came from each rank. */
function rowsOf(outcome: Outcome, [, ...row]: number[], dtype: tf.DataType): { output: tf.Tensor; rows: number[] } {
  const perRow = tf.util.sizeFromShape(row)
  if (dtype === 'string' && perRow > 0) {
    const parts = partsOf(outcome).map(decodeStrings)
    const rows = parts.map(({ length }) => length / perRow)
    return { output: stringTensor(parts.flat(), [sum(rows), ...row]), rows }
  }
  const bytes = byteLength(row, dtype)
  const rows = outcome.counts!.map((count) => count / (bytes || 1))
  if (dtype === 'string') return { output: stringTensor([], [sum(rows), ...row]), rows }
  const values = valuesOf(bytes > 0 ? outcome.output! : new Uint8Array(), dtype)
  const [output] = tensorsOf(values, [[sum(rows), ...row]], dtype) as [tf.Tensor]
  return { output, rows }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

/** @returns all rows, and how many came from each rank */
export function startAllgather(tensor: tf.Tensor, options: Named = {}): Pending<{ output: tf.Tensor; rows: number[] }> {
  const { client } = context('allgather()')
  const rows = requireRows(tensor, 'allgather')
  if (!client) return done(() => ({ output: tf.clone(tensor), rows: [rows] }))
  const { dtype, shape } = tensor
  const name = client.nameOf('allgather', options.name)
  const submission = { kind: 'allgather' as const, name, entries: [entryOf(name, tensor)] }
  return submit(client, submission, rowsPayload(tensor), (outcome) => rowsOf(outcome, shape, dtype))
}

export function startBroadcast(
  tensors: readonly tf.Tensor[],
  options: Rooted & { names?: readonly string[] } = {},
): Pending<tf.Tensor[]> {
  const { root = 0 } = options
  const { client, world } = context('broadcast()')
  requireRoot(root, world.size)
  if (!client) return done(() => tensors.map((tensor) => tf.clone(tensor)))
  const name = client.nameOf('broadcast', options.name)
  const names = options.names ?? tensors.map((_, i) => (tensors.length === 1 ? name : `${name}.${i}`))
  return eachDtype(name, tensors, names, (group) =>
    group.dtype === 'string' ? broadcastStrings(client, group, root) : broadcastNumbers(client, group, root),
  )
}

function broadcastNumbers(client: Client, { dtype, name, names, tensors }: Group, root: number): Pending<tf.Tensor[]> {
  const shapes = tensors.map(({ shape }) => shape)
  const entries = tensors.map((tensor, i) => entryOf(names[i]!, tensor))
  const { bytes, fill } = numbersPayload(tensors, dtype)
  const payload = client.world.rank === root ? { bytes, fill } : { bytes }
  const submission = { kind: 'broadcast' as const, name, entries, attributes: { root } }
  return submit(client, submission, payload, (_, data) => tensorsOf(valuesOf(data, dtype), shapes, dtype))
}

/** Only the root knows how long its strings are, so they are gathered. */
function broadcastStrings(client: Client, { name, names, tensors }: Group, root: number): Pending<tf.Tensor[]> {
  const shapes = tensors.map(({ shape }) => shape)
  const entries = tensors.map((tensor, i) => entryOf(names[i]!, tensor))
  const payload = client.world.rank === root ? payloadOf(encodeStrings(tensors.flatMap(readStrings))) : nothing
  const attributes = { root, shapes: JSON.stringify(shapes) }
  return submit(client, { kind: 'allgather', name, entries, attributes }, payload, (outcome) => {
    const strings = decodeStrings(partsOf(outcome)[root]!)
    return shapes.map((shape) => stringTensor(strings.splice(0, tf.util.sizeFromShape(shape)), shape))
  })
}

export function startAlltoall(
  tensor: tf.Tensor,
  splits: readonly number[] | undefined,
  options: Named = {},
): Pending<{ output: tf.Tensor; receivedSplits: number[] }> {
  const { client, world } = context('alltoall()')
  const rows = requireRows(tensor, 'alltoall')
  const parts = splits ?? Array<number>(world.size).fill(rows / world.size)
  const right = parts.every((part) => Number.isInteger(part) && part >= 0)
  if (!right || parts.length !== world.size || sum(parts) !== rows)
    throw new Error(`splits: got [${parts}], expected ${world.size} whole numbers with sum ${rows}: one for each rank`)
  if (!client) return done(() => ({ output: tf.clone(tensor), receivedSplits: [...parts] }))
  const { dtype, shape } = tensor
  const name = client.nameOf('alltoall', options.name)
  const [payload, bytes] = partsFor(tensor, parts)
  const submission = { kind: 'alltoall' as const, name, entries: [entryOf(name, tensor)], splits: bytes }
  return submit(client, submission, payload, (outcome) => {
    const { output, rows: receivedSplits } = rowsOf(outcome, shape, dtype)
    return { output, receivedSplits }
  })
}

/** What each rank is sent, one after the other, and its bytes. */
function partsFor(tensor: tf.Tensor, splits: readonly number[]): [payload: Payload, bytes: number[]] {
  const [, ...row] = tensor.shape
  const perRow = tf.util.sizeFromShape(row)
  if (tensor.dtype !== 'string' || perRow === 0) {
    const bytes = byteLength(row, tensor.dtype) || 1
    return [rowsPayload(tensor), splits.map((rows) => rows * bytes)]
  }
  const strings = readStrings(tensor).slice()
  const parts = splits.map((rows) => encodeStrings(strings.splice(0, rows * perRow)))
  return [payloadOf(...parts), parts.map(({ byteLength }) => byteLength)]
}

/** Every rank's value, in the order of ranks: anything that `structuredClone` copies. */
export function startAllgatherObject<T>(value: T, options: Named = {}): Pending<T[]> {
  const { client } = context('allgatherObject()')
  if (!client) return done(() => [structuredClone(value)])
  const name = client.nameOf('allgather_object', options.name)
  const payload = payloadOf(client.serialize(value))
  return submit(client, { kind: 'allgather', name }, payload, (outcome) =>
    partsOf(outcome).map((part) => client.deserialize<T>(part.slice())),
  )
}

/** The root's value, on every rank. */
export function startBroadcastObject<T>(value: T, options: Rooted = {}): Pending<T> {
  const { root = 0 } = options
  const { client, world } = context('broadcastObject()')
  requireRoot(root, world.size)
  if (!client) return done(() => structuredClone(value))
  const name = client.nameOf('broadcast_object', options.name)
  const payload = world.rank === root ? payloadOf(client.serialize(value)) : nothing // only the root knows its length
  return submit(client, { kind: 'allgather', name, attributes: { root } }, payload, (outcome) =>
    client.deserialize<T>(partsOf(outcome)[root]!.slice()),
  )
}

export function startBarrier(options: Named = {}): Pending<void> {
  const { client } = context('barrier()')
  if (!client) return done(() => {})
  const submission = { ...plain, kind: 'barrier' as const, name: client.nameOf('barrier', options.name), bytes: 0 }
  if (client.doNow(submission)) return done(() => {})
  return submit(client, submission, nothing, () => {})
}

/** Blocks until all ranks have joined. @returns the last rank that did */
export function joinAll(): number {
  const { client, world } = context('join()')
  return client ? client.wait(client.join()).last! : world.rank
}

function requireRoot(root: number, size: number): void {
  if (!(Number.isInteger(root) && root >= 0 && root < size))
    throw new Error(`root: got ${root}, expected a rank from 0 to ${size - 1}`)
}

function requireRows({ shape: [rows] }: tf.Tensor, caller: string): number {
  if (rows === undefined) throw new Error(`${caller}: got a scalar, expected at least one dimension: reshape it to [1]`)
  return rows
}

import * as tf from '@tensorflow/tfjs-core'
import { context } from '../context'
import type { Kind, Submission } from '../negotiation/submission'
import type { Client, Outcome } from '../process/client'
import { nameOf } from './names'
import { type HostValues, read, shared, tensorOf, unshared, valuesOf, width } from './packing'
import { done, map, type Pending, pending } from './pending'

/** What every operation takes. */
export interface Named {
  /** By which the ranks' calls find each other. Default the kind, `noname` and a number in the order of calls. */
  name?: string
}

export interface Rooted extends Named {
  /** Default 0. */
  root?: number
}

/** An operation submitted by this rank. */
function submit(
  client: Client,
  kind: Kind,
  name: string,
  more: Partial<Submission>,
  data: Uint8Array = new Uint8Array(new SharedArrayBuffer(0)),
): Pending<Outcome> {
  const ticket = client.submit(
    {
      kind,
      name,
      entries: [],
      wire: 'bytes',
      bytes: data.byteLength,
      attributes: {},
      fusable: false,
      blocking: false,
      ...more,
    },
    { data },
  )
  return pending(client, ticket)
}

const entryOf = (name: string, { shape, dtype }: tf.Tensor) => [{ name, shape, dtype }]

/** Begins the gathering of one tensor of numbers. */
export function startAllgather(tensor: tf.Tensor, options: Named = {}): Pending<tf.Tensor> {
  requireRows(tensor, 'allgather')
  requireNumbers(tensor, 'allgather')
  const { client } = context('allgather()')
  if (!client) return done(() => tf.clone(tensor))
  const { dtype, shape } = tensor
  const name = nameOf('allgather', options.name)
  const gathered = submit(client, 'allgather', name, { entries: entryOf(name, tensor) }, shared(read(tensor)))
  return map(gathered, ({ output }) => withRows(valuesOf(output!, dtype), shape, dtype))
}

export function startBroadcast(tensors: readonly tf.Tensor[], options: Rooted = {}): Pending<tf.Tensor[]> {
  const { root = 0 } = options
  const { client, world } = context('broadcast()')
  requireRoot(root, world.size)
  for (const tensor of tensors) requireNumbers(tensor, 'broadcast')
  if (!client) return done(() => tensors.map((tensor) => tf.clone(tensor)))
  const name = nameOf('broadcast', options.name)
  const entries = tensors.map((tensor, i) => entryOf(tensors.length === 1 ? name : `${name}.${i}`, tensor)[0]!)
  const own = tensors.map((tensor) =>
    world.rank === root ? read(tensor) : zeros(tensor.dtype, tensor.size * width(tensor.dtype)),
  )
  const data = new Uint8Array(new SharedArrayBuffer(own.reduce((sum, { byteLength }) => sum + byteLength, 0)))
  let at = 0
  const places = own.map((values) => {
    const place = data.subarray(at, at + values.byteLength)
    at += values.byteLength
    place.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return place
  })
  return map(submit(client, 'broadcast', name, { entries, attributes: { root } }, data), () =>
    tensors.map(({ shape, dtype }, i) => tensorOf(unshared(places[i]!, own[i]!), shape, dtype)),
  )
}

export function startAlltoall(
  tensor: tf.Tensor,
  splits: readonly number[] | undefined,
  options: Named = {},
): Pending<{ output: tf.Tensor; receivedSplits: number[] }> {
  const { client, world } = context('alltoall()')
  const rows = requireRows(tensor, 'alltoall')
  requireNumbers(tensor, 'alltoall')
  const parts = splits ?? Array<number>(world.size).fill(rows / world.size)
  const right = parts.every((part) => Number.isInteger(part) && part >= 0)
  if (!right || parts.length !== world.size || parts.reduce((sum, part) => sum + part, 0) !== rows)
    throw new Error(`splits: got [${parts}], expected ${world.size} whole numbers with sum ${rows}: one for each rank`)
  if (!client) return done(() => ({ output: tf.clone(tensor), receivedSplits: [...parts] }))
  const { dtype, shape } = tensor
  const name = nameOf('alltoall', options.name)
  const values = read(tensor)
  const rowBytes = Math.max(1, tf.util.sizeFromShape(shape.slice(1)) * width(dtype) * values.BYTES_PER_ELEMENT)
  const more = { entries: entryOf(name, tensor), splits: parts.map((part) => part * rowBytes) }
  return map(submit(client, 'alltoall', name, more, shared(values)), ({ output, counts }) => ({
    output: withRows(valuesOf(output!, dtype), shape, dtype),
    receivedSplits: counts!.map((count) => count / rowBytes),
  }))
}

/** Every rank's value, in the order of ranks: anything that `structuredClone` copies. */
export function startAllgatherObject<T>(value: T, options: Named = {}): Pending<T[]> {
  const { client } = context('allgatherObject()')
  if (!client) return done(() => [structuredClone(value)])
  const name = nameOf('allgather_object', options.name)
  return map(submit(client, 'allgather', name, {}, shared(client.serialize(value))), ({ output, counts }) => {
    let at = 0
    return counts!.map((count) => {
      at += count
      return client.deserialize<T>(output!.slice(at - count, at))
    })
  })
}

export function startBarrier(options: Named = {}): Pending<void> {
  const { client } = context('barrier()')
  return client ? map(submit(client, 'barrier', nameOf('barrier', options.name), {}), () => {}) : done(() => {})
}

/** Blocks until all ranks have joined. @returns the last rank that did */
export function joinAll(): number {
  const { client, world } = context('join()')
  return client ? client.wait(client.join(), true).last! : world.rank
}

/** A tensor like one of `shape`, with as many rows as there are values for. */
function withRows(values: HostValues, [rows, ...row]: number[], dtype: tf.DataType): tf.Tensor {
  const perRow = tf.util.sizeFromShape(row) * width(dtype)
  return tensorOf(values, [perRow > 0 ? values.length / perRow : rows!, ...row], dtype)
}

function zeros(dtype: tf.DataType, length: number): HostValues {
  if (dtype === 'int32') return new Int32Array(length)
  return dtype === 'bool' ? new Uint8Array(length) : new Float32Array(length)
}

export function requireRoot(root: number, size: number): void {
  if (!(Number.isInteger(root) && root >= 0 && root < size))
    throw new Error(`root: got ${root}, expected a rank from 0 to ${size - 1}`)
}

function requireRows({ shape: [rows] }: tf.Tensor, caller: string): number {
  if (rows === undefined) throw new Error(`${caller}: got a scalar, expected at least one dimension: reshape it to [1]`)
  return rows
}

function requireNumbers({ dtype }: tf.Tensor, caller: string): void {
  if (dtype === 'string')
    throw new Error(
      `${caller}: got a string tensor, expected numbers; send its arraySync() with broadcastObject or allgatherObject`,
    )
}

import * as tf from '@tensorflow/tfjs-core'
import { context } from '../context'
import type { Submission } from '../negotiation/submission'
import { type Compression, compress } from '../optimizer/compression'
import type { Client } from '../process/client'
import { Average, Max, Min, Product, type ReduceOp, Sum } from '../reduce_op'
import type { Reduction } from '../transports/transport'
import { nameOf } from './names'
import {
  decode,
  encode,
  type HostValues,
  type Numbers,
  readTogether,
  shared,
  splitTogether,
  unshared,
  wireOf,
} from './packing'
import { all, done, lastly, map, type Pending, pending } from './pending'

export interface AllreduceOptions {
  /** By which the ranks' calls find each other. Default `allreduce.noname.1`, 2, … in the order of calls. */
  name?: string
  /** Default Average: the sum divided by size(). */
  op?: ReduceOp
  /** Multiplied in before the reduction. Default 1. */
  prescaleFactor?: number
  /** Multiplied in after it. Default 1. */
  postscaleFactor?: number
  /** How float32 values are rounded before they travel, and sums after each addition. Default none. */
  compression?: Compression
}

export interface GroupedAllreduceOptions extends AllreduceOptions {
  /** Of the tensors, for messages. Default: the name with a number. */
  names?: readonly string[]
}

/** Smaller payloads travel through shared memory and may share a run; larger ones are read where they are. */
const DIRECT_FROM = 64 * 1024

/** Begins the reduction of tensors as one operation a dtype. Reads them back once a dtype; nothing in a world of one. */
export function startGroupedAllreduce(
  tensors: readonly tf.Tensor[],
  options: GroupedAllreduceOptions = {},
): Pending<tf.Tensor[]> {
  const { op = Average, prescaleFactor = 1, compression = 'none' } = options
  const { client, world } = context('allreduce()')
  const name = nameOf(tensors.length === 1 ? 'allreduce' : 'grouped_allreduce', options.name)
  for (const tensor of tensors) requireReducible(tensor, op)
  const factor = factorAfter(options, world.size)
  if (!client)
    return done(() =>
      tf.tidy(() => tensors.map((tensor) => scale(compress(scale(tensor, prescaleFactor), compression), factor))),
    )
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))]
  if (dtypes.length === 0) dtypes.push('float32') // an empty group still has to agree
  const groups = dtypes.map((dtype) => {
    const members = [...tensors.keys()].filter((i) => tensors[i]!.dtype === dtype)
    const group = {
      name: dtypes.length === 1 ? name : `${name}.${dtype}`,
      names: members.map((i) => options.names?.[i] ?? (tensors.length === 1 ? name : `${name}.${i}`)),
      tensors: members.map((i) => tensors[i]!),
      dtype,
    }
    const reduced = startGroup(client, group, options)
    return map(reduced, (results) => results.map((tensor, i) => [members[i]!, tensor] as const))
  })
  return map(all(groups), (results) => {
    const sorted = results.flat().sort(([a], [b]) => a - b)
    return sorted.map(([, tensor]) => tensor)
  })
}

interface Group {
  name: string
  names: string[]
  tensors: tf.Tensor[]
  dtype: tf.DataType
}

function startGroup(client: Client, group: Group, options: AllreduceOptions): Pending<tf.Tensor[]> {
  const { op = Average, prescaleFactor = 1, postscaleFactor = 1, compression = 'none' } = options
  const { name, names, tensors, dtype } = group
  const wire = wireOf(dtype, compression)
  const reduction: Reduction = op === Average ? Sum : op
  const shapes = tensors.map(({ shape }) => shape)
  const factor = factorAfter(options, client.world.size)
  const scaled = tf.tidy(() => tensors.map((tensor) => tf.keep(scale(tensor, prescaleFactor))))
  const { values, release } =
    scaled.length > 0 ? readTogether(scaled) : { values: new Float32Array(), release: () => {} }
  tf.dispose(scaled)
  const outgoing = encode(values, wire)
  const submission: Submission = {
    kind: 'allreduce',
    name,
    entries: names.map((each, i) => ({ name: each, shape: shapes[i]!, dtype })),
    wire,
    bytes: outgoing.byteLength,
    attributes: { op, reduction, prescaleFactor, postscaleFactor },
    fusable: outgoing.byteLength < DIRECT_FROM,
    blocking: false,
  }
  const reduced = submit(client, submission, outgoing)
  const finish = (received: Numbers): tf.Tensor[] => {
    const results = decode(received, wire)
    const whole = dtype !== 'float32' && dtype !== 'complex64'
    if (whole && factor !== 1) scaleWhole(results, op, client.world.size, postscaleFactor)
    const made = splitTogether(results, shapes, dtype)
    return whole || factor === 1 ? made : scaleAll(made, factor)
  }
  return lastly(map(reduced, finish), release)
}

/** Takes the tensors' place. */
function scaleAll(tensors: tf.Tensor[], factor: number): tf.Tensor[] {
  const scaled = tf.tidy(() => tensors.map((tensor) => scale(tensor, factor)))
  tf.dispose(tensors)
  return scaled
}

/** Sends numbers off; their reduction comes as an array of the same kind. */
function submit<T extends Numbers>(client: Client, submission: Submission, outgoing: T): Pending<T> {
  const large = outgoing.byteLength >= DIRECT_FROM
  return large && client.direct
    ? submitDirect(client, submission, outgoing)
    : submitShared(client, submission, outgoing)
}

function submitDirect<T extends Numbers>(client: Client, submission: Submission, outgoing: T): Pending<T> {
  const incoming = new (outgoing.constructor as new (length: number) => T)(outgoing.length)
  const memory = new Set<Numbers>([outgoing, incoming]) // alive until the transport is done with it
  const direct = { input: client.addressOf(outgoing), output: client.addressOf(incoming) }
  return map(pending(client, client.submit(submission, { direct })), () => {
    memory.clear()
    return incoming
  })
}

function submitShared<T extends Numbers>(client: Client, submission: Submission, outgoing: T): Pending<T> {
  const data = shared(outgoing)
  return map(pending(client, client.submit(submission, { data })), () => unshared(data, outgoing))
}

const factorAfter = ({ op = Average, postscaleFactor = 1 }: AllreduceOptions, size: number) =>
  op === Average ? postscaleFactor / size : postscaleFactor

/** Whole numbers are truncated back to their dtype. */
const scale = (tensor: tf.Tensor, factor: number): tf.Tensor =>
  factor === 1
    ? tf.clone(tensor)
    : tensor.dtype === 'complex64'
      ? tf.complex(tf.mul(tf.real(tensor), factor), tf.mul(tf.imag(tensor), factor))
      : tf.cast(tf.mul(tf.cast(tensor, 'float32'), factor), tensor.dtype)

/** In place: divided before it is multiplied, so that averages of whole numbers are exact. */
function scaleWhole(values: HostValues, op: ReduceOp, size: number, factor: number): void {
  const divisor = op === Average ? size : 1
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! / divisor) * factor
}

const REDUCTIONS: Partial<Record<tf.DataType, readonly ReduceOp[]>> = {
  float32: [Average, Sum, Min, Max, Product],
  int32: [Average, Sum, Min, Max, Product],
  bool: [Sum, Min, Max, Product],
  complex64: [Average, Sum],
}

function requireReducible({ dtype }: tf.Tensor, op: ReduceOp): void {
  const possible = REDUCTIONS[dtype] ?? []
  if (possible.includes(op)) return
  const expected =
    possible.length > 0 ? `${possible.join(', ')} for this dtype` : 'a tensor of numbers; allgather takes strings'
  throw new Error(`allreduce: got ${op} of a ${dtype} tensor, expected ${expected}`)
}

/** One tensor, differentiable: the gradient of a sum over the ranks is the sum of their gradients, of an average the average. */
export function differentiable(tensor: tf.Tensor, options: AllreduceOptions): tf.Tensor {
  const { op = Average } = options
  const reduce = (x: tf.Tensor, name?: string) => startGroupedAllreduce([x], { ...options, name }).wait()[0]!
  if (tensor.dtype !== 'float32') return reduce(tensor, options.name)
  const custom = tf.customGrad((x) => ({
    value: reduce(x as tf.Tensor, options.name),
    gradFunc: (dy: tf.Tensor) => {
      if (op === Average || op === Sum) return reduce(dy, options.name && `${options.name}.gradient`)
      throw new Error(`allreduce: got a gradient through ${op}, expected Average or Sum`)
    },
  }))
  return custom(tensor)
}

import * as tf from '@tensorflow/tfjs-core'
import { context } from '../context'
import { type Compression, compress, requireCompression } from '../optimizer/compression'
import type { Client, Numbers } from '../process/client'
import { Average, Max, Min, Product, type ReduceOp, Sum } from '../reduce_op'
import { eachDtype, type Group } from './groups'
import { arrayLike, bytesOf, decode, encode, type HostValues, read, tensorsOf, wireOf } from './packing'
import { done, lastly, map, type Pending, pending } from './pending'
import { scale, scaleValues } from './scaling'

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

/** Smaller payloads travel through shared memory and may share a run; larger ones are read and written where they are. */
const DIRECT_FROM = 64 * 1024

/** `waiting`: the caller waits for it at once, and for nothing else. */
interface Waiting {
  waiting?: boolean
}

/** Begins the reduction of tensors as one operation a dtype, with one read-back each; none in a world of one. */
export const startGroupedAllreduce = (
  tensors: readonly tf.Tensor[],
  options: GroupedAllreduceOptions & Waiting = {},
): Pending<tf.Tensor[]> =>
  startAll('grouped_allreduce', tensors, options, (name) => options.names ?? tensors.map((_, i) => `${name}.${i}`))

export const startAllreduce = (tensor: tf.Tensor, options: AllreduceOptions & Waiting = {}): Pending<tf.Tensor> =>
  map(
    startAll('allreduce', [tensor], options, (name) => [name]),
    ([reduced]) => reduced!,
  )

function startAll(
  kind: string,
  tensors: readonly tf.Tensor[],
  options: GroupedAllreduceOptions & Waiting,
  namesOf: (name: string) => readonly string[],
): Pending<tf.Tensor[]> {
  const { client } = context('allreduce()')
  requireSensible(tensors, options)
  if (!client) return done(() => alone(tensors, options))
  const name = client.nameOf(kind, options.name)
  return eachDtype(name, tensors, namesOf(name), (group) => start(client, group, options))
}

/** What the reduction is with one rank: the same rounding and scaling, in the graph. */
const alone = (tensors: readonly tf.Tensor[], options: AllreduceOptions): tf.Tensor[] =>
  tf.tidy(() => {
    const { prescaleFactor = 1, postscaleFactor = 1, compression = 'none' } = options
    return tensors.map((tensor) => scale(compress(scale(tensor, prescaleFactor), compression), postscaleFactor))
  })

function start(
  client: Client,
  { name, names, tensors, dtype }: Group,
  options: AllreduceOptions & Waiting,
): Pending<tf.Tensor[]> {
  const shapes = tensors.map(({ shape }) => shape)
  const entries = names.map((each, i) => ({ name: each, shape: shapes[i]!, dtype }))
  const { values, own, release } = read(tensors, dtype, options.prescaleFactor)
  try {
    const what = { name, entries, wire: wireOf(dtype, options.compression) }
    const reduction = reduce(client, what, values, own ? values : undefined, options)
    return lastly(
      map(reduction, (reduced) => tensorsOf(reduced, shapes, dtype)),
      release,
    )
  } catch (error) {
    release() // it was never submitted: the name is under way
    throw error
  }
}

/** Begins the reduction of numbers where they are. */
export function startAllreduceInPlace(
  values: Float32Array | Int32Array,
  options: AllreduceOptions & Waiting = {},
): Pending<void> {
  const { client } = context('allreduce_()')
  const dtype = requireNumbers(values)
  const { prescaleFactor = 1, postscaleFactor = 1, compression } = options
  requireFactors(options)
  requireReducible(dtype, options.op)
  scaleValues(values, 1, prescaleFactor)
  const wire = wireOf(dtype, compression)
  const keep = (reduced: HostValues) => void (reduced !== values && values.set(reduced))
  if (!client)
    return done(() => {
      keep(decode(encode(values, wire), wire))
      scaleValues(values, 1, postscaleFactor)
    })
  const name = client.nameOf('allreduce', options.name)
  const entries = [{ name, shape: [values.length], dtype }]
  return map(reduce(client, { name, entries, wire }, values, values, options), keep)
}

/**
 * The reduction of numbers that are prescaled.
 * @param values left as they are, unless they are `into`
 * @param into for the result, where it travels as it is; otherwise, and by default, it comes in a new array
 */
function reduce(
  client: Client,
  { name, entries, wire }: Pick<Submission, 'name' | 'entries' | 'wire'>,
  values: HostValues,
  into: HostValues | undefined,
  options: AllreduceOptions & Waiting,
): Pending<HostValues> {
  const { op = Average, prescaleFactor = 1, postscaleFactor = 1, waiting = false } = options
  const outgoing = encode(values, wire)
  const submission = {
    kind: 'allreduce' as const,
    name,
    entries,
    wire,
    bytes: outgoing.byteLength,
    attributes: { op, reduction: op === Average ? Sum : op, prescaleFactor, postscaleFactor },
    fusable: outgoing.byteLength < DIRECT_FROM,
  }
  const incoming = outgoing !== values ? outgoing : (into ?? arrayLike(outgoing))
  const finish = () => {
    const results = decode(incoming, wire)
    scaleValues(results, op === Average ? client.world.size : 1, postscaleFactor)
    return results
  }
  if (waiting && client.doNow(submission, { input: outgoing, output: incoming })) return done(finish)
  return map(submit(client, submission, outgoing, incoming), finish)
}

type Submission = Parameters<Client['submit']>[0]

/** Sends numbers off; their reduction comes in `incoming`, which may be the same array. */
function submit(client: Client, submission: Submission, outgoing: Numbers, incoming: Numbers): Pending<void> {
  if (client.direct && outgoing.byteLength >= DIRECT_FROM)
    return map(pending(client, client.submit(submission, { input: outgoing, output: incoming })), () => {})
  const data = client.memory.take(outgoing.byteLength)
  data.set(bytesOf(outgoing))
  return map(pending(client, client.submit(submission, { data })), () => {
    bytesOf(incoming).set(data)
    client.memory.give(data)
  })
}

const POSSIBLE: Partial<Record<tf.DataType, readonly ReduceOp[]>> = {
  float32: [Average, Sum, Min, Max, Product],
  int32: [Average, Sum, Min, Max, Product],
  bool: [Sum, Min, Max, Product],
  complex64: [Average, Sum],
}

function requireSensible(
  tensors: readonly tf.Tensor[],
  options: AllreduceOptions & { names?: readonly string[] },
): void {
  const { op, names } = options
  for (const { dtype } of tensors) requireReducible(dtype, op)
  requireFactors(options)
  if (names && names.length !== tensors.length)
    throw new Error(`names: got ${names.length} for ${tensors.length} tensors, expected one for each`)
}

function requireFactors({ prescaleFactor = 1, postscaleFactor = 1, compression = 'none' }: AllreduceOptions): void {
  for (const [what, factor] of Object.entries({ prescaleFactor, postscaleFactor }))
    if (!Number.isFinite(factor)) throw new Error(`${what}: got ${factor}, expected a finite number`)
  requireCompression(compression)
}

function requireNumbers(values: Float32Array | Int32Array): 'float32' | 'int32' {
  if (values instanceof Float32Array) return 'float32'
  if (values instanceof Int32Array) return 'int32'
  const got = Object.prototype.toString.call(values).slice('[object '.length, -1)
  throw new Error(`allreduce_: got ${got}, expected a Float32Array or an Int32Array`)
}

function requireReducible(dtype: tf.DataType, op: ReduceOp = Average): void {
  const possible = POSSIBLE[dtype] ?? []
  if (possible.includes(op)) return
  const expected = possible.length > 0 ? `op: ${possible.join(', ')}` : 'numbers; allgather and broadcast take strings'
  throw new Error(`allreduce: got ${op} of a ${dtype} tensor, expected ${expected}`)
}

/** One tensor, differentiable: the gradient of a sum over the ranks is the sum of their gradients, of an average the average. */
export function differentiable(tensor: tf.Tensor, options: AllreduceOptions): tf.Tensor {
  const { op = Average } = options
  const reduce = (x: tf.Tensor, name?: string) => startAllreduce(x, { ...options, name, waiting: true }).wait()
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

import { type DataType, util } from '@tensorflow/tfjs-core'
import type { Attributes, TensorType, Value } from '../ir/graph'
import { internType } from '../ir/intern'

/** What pictures colour by, and what passes ask about. */
export type Kind =
  | 'input'
  | 'elementwise'
  | 'reduction'
  | 'array'
  | 'view'
  | 'matmul'
  | 'convolution'
  | 'pool'
  | 'resize'
  | 'constant'
  | 'optimizer'
  | 'layout'

/** An operation's inputs: types, or values; null where one is left out. */
export type Positional<T> = readonly (T | null)[]

/** Adds nodes to a graph that is being built. */
export interface Emitter {
  /** The outputs of a new node. Throws where inputs and attributes do not fit the operation. */
  add(op: string, inputs: Positional<Value>, attributes?: Attributes): Value[]
  typeOf(value: Value): TensorType
}

/** What is known of an operation. */
export interface Operation {
  /** A tfjs kernel's name, or one of docs/engine.md's. */
  readonly name: string
  /**
   * tfjs's names of the inputs in the order of a node's. `bias?` may be null; `x...` stands for any number and comes
   * last.
   */
  readonly inputs: readonly string[]
  readonly kind: Kind
  /** Whether inputs and outputs [n, h, w, c] may be in blocked layout; else all must be dense. */
  readonly blocked: boolean
  /** One form for all attributes that mean the same (sorted axes, pairs of strides, defaults filled in). */
  canonical(attributes: Attributes, inputs: Positional<TensorType>): Attributes
  /**
   * The outputs' types, dense unless the operation is about layouts. Throws, with got and expected, where the inputs do
   * not fit.
   */
  infer(inputs: Positional<TensorType>, attributes: Attributes): TensorType[]
  /** Floating-point operations of the plain algorithm: two for a multiplication and an addition. */
  flops(inputs: Positional<TensorType>, outputs: readonly TensorType[], attributes: Attributes): number
  /** The same in operations that have no expansion of their own: what a fused operation is, and the oracle for it. */
  readonly expand?: (graph: Emitter, inputs: Positional<Value>, attributes: Attributes) => Value[]
}

// ── How operations are written ──

type Bare<N extends string> = N extends `${infer B}?...`
  ? B
  : N extends `${infer B}...`
    ? B
    : N extends `${infer B}?`
      ? B
      : N

/** Inputs by name: `filter` T, `bias?` T or null, `part...` T[], `mask?...` (T or null)[]. */
export type Named<N extends string, T> = {
  [K in N as Bare<K>]: K extends `${string}?...`
    ? (T | null)[]
    : K extends `${string}...`
      ? T[]
      : K extends `${string}?`
        ? T | null
        : T
}

/** An `Operation` as it is written: inputs by name, attributes with their types, and only what is not the default. */
export interface Definition<N extends string, A> {
  name: string
  inputs: readonly N[]
  kind: Kind
  blocked?: boolean
  /** Attributes that must be there. */
  requires?: readonly (keyof A & string)[]
  canonical?(attributes: A, inputs: Named<N, TensorType>): object
  infer(inputs: Named<N, TensorType>, attributes: A): TensorType | TensorType[]
  flops?(inputs: Named<N, TensorType>, outputs: readonly TensorType[], attributes: A): number
  expand?(graph: Emitter, inputs: Named<N, Value>, attributes: A): Value | Value[]
}

const list = <T>(x: T | T[]): T[] => (Array.isArray(x) ? x : [x])

/** Makes an operation of its definition. `defineOperation` adds it to the table. */
export function operation<const N extends string, A extends object = Record<never, never>>(
  definition: Definition<N, A>,
): Operation {
  const { name, inputs, kind, blocked = false, requires = [], canonical, infer, flops, expand } = definition
  const named = <T>(given: Positional<T>) => byName<N, T>(name, inputs, given)
  return {
    name,
    inputs,
    kind,
    blocked,
    canonical(attributes, given) {
      const missing = requires.find((attribute) => attributes[attribute] === undefined)
      if (missing) throw new Error(`${name}: got no attribute ${missing}, expected ${requires.join(', ')}`)
      return canonical ? (canonical(attributes as A, named(given)) as Attributes) : attributes
    },
    infer: (given, attributes) => list(infer(named(given), attributes as A)),
    flops: flops ? (given, outputs, attributes) => flops(named(given), outputs, attributes as A) : () => 0,
    expand: expand && ((graph, given, attributes) => list(expand(graph, named(given), attributes as A))),
  }
}

/** Inputs in order, by their names. */
function byName<N extends string, T>(op: string, names: readonly N[], given: Positional<T>): Named<N, T> {
  const result: Record<string, unknown> = {}
  let i = 0
  for (const name of names) {
    const bare = name.replace(/\?|\.\.\./g, '')
    const optional = name.includes('?')
    const rest = name.endsWith('...')
    const taken = given.slice(i, rest ? undefined : i + 1)
    if (!optional && (taken.includes(null) || taken.length === 0))
      throw new Error(`${op}: got no ${bare}, expected the inputs ${names.join(', ')}`)
    result[bare] = rest ? taken : (taken[0] ?? null)
    i += taken.length
  }
  if (i < given.length)
    throw new Error(`${op}: got ${given.length} inputs, expected ${i}: ${names.join(', ') || 'none'}`)
  return result as Named<N, T>
}

// ── Types ──

/** A dense tensor's type. */
export const dense = (shape: readonly number[], dtype: DataType = 'float32'): TensorType =>
  internType(shape, dtype).value

/** How many values a tensor of this type has. */
export const sizeOf = ({ shape }: TensorType): number => util.sizeFromShape(shape as number[])

/** A type as messages and printed graphs write it: `float32[2,64,64,32]`, `float32[2,64,64,32] blocked`. */
export const typeText = ({ shape, dtype, layout }: TensorType): string =>
  `${dtype}[${shape}]${layout === 'dense' ? '' : ` ${layout}`}`

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((side, i) => side === b[i])

// What one sweep over memory can compute.
import type { Attributes, Graph, Node } from '../ir/graph'
import { typeOf } from '../ir/graph'
import { valueKey } from '../ir/walk'
import { isReduction } from '../operations/fused/sweeps'
import { sameShape } from '../operations/operation'

/** What a kernel holds (native/kernels/chain.h): values (what is read, constants, steps; of scalars more), what is read, results. */
const MOST_VALUES = 64
const MOST_SCALARS = 256
const MOST_READ = 64
const MOST_RESULTS = 32

/** Of float32 tensors, to float32. */
const OF_FLOATS =
  'Abs ClipByValue Elu Exp Expm1 LeakyRelu Log Log1p Neg Pow Prelu RealDiv Reciprocal Relu Relu6 ReluGrad Rsqrt Sigmoid Softplus Sqrt Square SquaredDifference Step Tanh'
const OF_INTEGERS = 'FloorDiv'
/** Of one dtype, float32 or int32. */
const OF_NUMBERS = 'Add AddN Maximum Minimum Multiply Sub'
/** Of one dtype, float32 or int32, to bool. */
const COMPARISONS = 'Equal Greater GreaterEqual Less LessEqual NotEqual'
const OF_BOOLS = 'LogicalAnd LogicalNot LogicalOr'
const OF_ANY = 'Cast Select'

const names = (list: string) => new Set(list.split(' '))
const DTYPES: readonly [ops: Set<string>, dtypes: readonly string[]][] = [
  [names(OF_FLOATS), ['float32']],
  [names(OF_INTEGERS), ['int32']],
  [names(OF_NUMBERS), ['float32', 'int32']],
  [names(COMPARISONS), ['float32', 'int32']],
  [names(OF_BOOLS), ['bool']],
  [names(OF_ANY), ['float32', 'int32', 'bool']],
]

/** What a sweep has in registers from the beginning. */
export const isConstant = ({ op, attributes, types }: Node): boolean =>
  op === 'Fill' && typeof attributes.value === 'number' && ['float32', 'int32', 'bool'].includes(types[0]!.dtype)

export const sizeOfShape = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/** The shape that a node goes over, if it can be part of a sweep. */
export function sweepOf(graph: Graph, number: number): readonly number[] | null {
  const node = graph.nodes[number]!
  const { op, inputs, types } = node
  if (types.length !== 1 || inputs.length === 0 || inputs.includes(null)) return null
  const operands = inputs.map((input) => typeOf(graph, input!))
  if ([...operands, types[0]!].some(({ layout }) => layout !== 'dense')) return null
  const shape = isReduction(op) ? operands[0]!.shape : types[0]!.shape
  if (sizeOfShape(shape) === 0) return null
  if (isReduction(op)) return operands[0]!.dtype === 'float32' && isOverAll(node.attributes, shape) ? shape : null

  const dtypes = DTYPES.find(([ops]) => ops.has(op))?.[1]
  const fits =
    dtypes && operands.every(({ dtype }) => dtypes.includes(dtype)) && dtypes.concat('bool').includes(types[0]!.dtype)
  if (op === 'Select' && !sameShape(operands[0]!.shape, shape)) return null // its condition is one of rows
  return fits ? shape : null
}

function isOverAll({ axis }: Attributes, shape: readonly number[]): boolean {
  return Array.isArray(axis) && shape.every((side, i) => side === 1 || axis.includes(i))
}

/**
 * Is what these nodes would do together not too much for one sweep over a shape?
 * @param isResult whether others read what a node makes
 */
export function fitsOneSweep(
  graph: Graph,
  shape: readonly number[],
  members: ReadonlySet<number>,
  isResult: (node: number) => boolean,
): boolean {
  const read = new Set<string>()
  let [steps, results] = [0, 0]
  for (const member of members) {
    const { op, inputs } = graph.nodes[member]!
    steps += op === 'AddN' ? inputs.length - 1 : 1
    if (isResult(member)) results++
    for (const input of inputs) if (input && !members.has(input.node)) read.add(valueKey(input))
  }
  const most = sizeOfShape(shape) === 1 ? MOST_SCALARS : MOST_VALUES
  return read.size <= MOST_READ && read.size + steps <= most && results <= MOST_RESULTS
}

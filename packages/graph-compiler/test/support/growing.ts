import { type Attributes, dense, GraphBuilder, sizeOf, type TensorType, type Value } from '../../src/index'

/** A value of a graph that is being grown, with what its numbers are at most (roughly). */
export interface Grown {
  readonly value: Value
  readonly type: TensorType
  readonly bound: number
}

/** Larger numbers than this are not worked on any more, so that nothing overflows. */
const LARGEST = 100

/**
 * A graph that grows by random choices. Choices are given, so that the same ones make the same graph; when they run
 * out, all are 0.
 */
export class Growing {
  readonly builder = new GraphBuilder()
  readonly grown: Grown[] = []
  private choices: number[] = []

  /** @param discontinuous whether operations may be chosen in which a tiny difference becomes a large one */
  constructor(readonly discontinuous: boolean) {}

  choose(choices: readonly number[]): void {
    this.choices = [...choices]
  }

  /** 0 … count − 1 */
  below(count: number): number {
    return (this.choices.shift() ?? 0) % count
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** A value from outside; its numbers lie in [−1, 1), or are 0 and 1, or −3 … 3. */
  input(shape: readonly number[], dtype: 'float32' | 'int32' | 'bool' = 'float32'): Grown {
    return this.keep(this.builder.input(dense(shape, dtype)), dtype === 'int32' ? 3 : 1)
  }

  /** One of the values so far that suits, or nothing. */
  pick(suits: (type: TensorType) => boolean, largest = LARGEST): Grown | undefined {
    const suiting = this.grown.filter(({ type, bound }) => bound <= largest && suits(type))
    return suiting.length > 0 ? this.one(suiting) : undefined
  }

  /** The outputs of a new node, whose numbers are at most `bound`. */
  addAll(op: string, inputs: readonly (Grown | null)[], attributes: Attributes, bound: number): Grown[] {
    const values = this.builder.add(
      op,
      inputs.map((input) => input?.value ?? null),
      attributes,
    )
    return values.map((value) => this.keep(value, bound))
  }

  add(op: string, inputs: readonly (Grown | null)[], attributes: Attributes, bound: number): Grown {
    return this.addAll(op, inputs, attributes, bound)[0]!
  }

  private keep(value: Value, bound: number): Grown {
    const grown = { value, type: this.builder.typeOf(value), bound }
    this.grown.push(grown)
    return grown
  }
}

export const isFloat = ({ dtype, shape }: TensorType) => dtype === 'float32' && shape.length <= 4
/** [n, h, w, c], not large. */
export const isImage = (type: TensorType) => isFloat(type) && type.shape.length === 4 && sizeOf(type) <= 1 << 14

import type { Graph } from './graph'
import { nodeId } from './intern'

/**
 * A graph's structure as integers, packed into a string so that a Map can look it up: equal if and only if two graphs
 * have the same nodes in the same order and the same outputs, that is if they are the same computation of their inputs.
 * Keys are good within one process, not on disk.
 */
export function graphKey({ nodes, outputs }: Graph): string {
  const key = new KeyWriter()
  const first: number[] = [] // of each node's values, where all values are numbered in a row
  let count = 0
  for (const { op, inputs, attributes, types } of nodes) {
    first.push(count)
    count += types.length
    key.node(nodeId(op, attributes, types), inputs.length)
    for (const input of inputs) key.value(input === null ? -1 : first[input.node]! + input.output)
  }
  key.outputs(outputs.length)
  for (const { node, output } of outputs) key.value(first[node]! + output)
  return key.finish()
}

/** Writes keys; the recorder has one too, so that its graphs need not exist to have theirs. */
export class KeyWriter {
  private integers = new Int32Array(1 << 12)
  private length = 0

  /** `id` is `nodeId`'s; as many values as it has inputs follow. */
  node(id: number, inputs: number): void {
    this.push(id)
    this.push(inputs)
  }

  /** The values that follow are the graph's outputs. */
  outputs(count: number): void {
    this.push(-1)
    this.push(count)
  }

  /** A value's number among all values, −1 where an input is left out. */
  value(number: number): void {
    this.push(number)
  }

  finish(): string {
    const units = new Uint16Array(this.integers.buffer, 0, 2 * this.length)
    const chunk = 8192 // as many arguments as any engine takes
    let key = ''
    for (let i = 0; i < units.length; i += chunk)
      key += String.fromCharCode.apply(null, units.subarray(i, i + chunk) as unknown as number[])
    this.length = 0
    return key
  }

  private push(integer: number): void {
    if (this.length === this.integers.length) {
      const larger = new Int32Array(2 * this.length)
      larger.set(this.integers)
      this.integers = larger
    }
    this.integers[this.length++] = integer
  }
}

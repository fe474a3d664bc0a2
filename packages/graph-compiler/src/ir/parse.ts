import type { DataType } from '@tensorflow/tfjs-core'
import type { Attribute, Attributes, Graph, Node, TensorType, Value } from './graph'
import { internAttributes, internType } from './intern'

/**
 * The graph that `printGraph` wrote. Only the text's form is checked here; what it means, by `checkGraph`.
 * @throws naming the line, what was found and what was expected
 */
export function parseGraph(text: string): Graph {
  const nodes: Node[] = []
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  for (const [i, line] of lines.entries()) {
    const reader = new Reader(line, i + 1)
    if (reader.take('return')) {
      const outputs = reader.values(() => reader.end)
      return { nodes, outputs: outputs.map((value) => value ?? reader.fail('a value')) }
    }
    nodes.push(reader.node(nodes.length))
  }
  throw new Error(`line ${lines.length + 1}: got the end, expected return`)
}

/** Reads one line from left to right. */
class Reader {
  private at = 0

  constructor(
    private readonly line: string,
    private readonly number: number,
  ) {}

  /** `%7 = Conv2D(%3, %5) {strides: [1,1]} : float32[2,64,64,32]` */
  node(index: number): Node {
    this.expect(`%${index}`)
    this.expect('=')
    const op = this.match(/\w+/y, 'an operation')
    this.expect('(')
    const inputs = this.values(() => this.peek(')'))
    this.expect(')')
    const attributes = internAttributes(this.peek('{') ? this.object() : {}).value
    this.expect(':')
    const types = [this.type()]
    while (this.take(',')) types.push(this.type())
    if (!this.end) this.fail('the end of the line')
    return { op, inputs, attributes, types }
  }

  values(done: () => boolean): (Value | null)[] {
    const values: (Value | null)[] = []
    while (!done()) {
      if (values.length > 0) this.expect(',')
      values.push(this.value())
    }
    return values
  }

  take(token: string): boolean {
    if (!this.peek(token)) return false
    this.at += token.length
    return true
  }

  get end(): boolean {
    this.space()
    return this.at >= this.line.length
  }

  fail(expected: string): never {
    const rest = this.line.slice(this.at)
    throw new Error(`line ${this.number}: got ${rest ? JSON.stringify(rest) : 'the end'}, expected ${expected}`)
  }

  private value(): Value | null {
    if (this.take('_')) return null
    this.expect('%')
    const node = Number(this.match(/\d+/y, 'a number'))
    return { node, output: this.take('#') ? Number(this.match(/\d+/y, 'a number')) : 0 }
  }

  private type(): TensorType {
    const dtype = this.match(/float32|int32|bool|string|complex64/y, 'a dtype') as DataType
    this.expect('[')
    const shape: number[] = []
    while (!this.take(']')) {
      if (shape.length > 0) this.expect(',')
      shape.push(Number(this.match(/\d+/y, 'a size')))
    }
    return internType(shape, dtype, this.take('blocked') ? 'blocked' : 'dense').value
  }

  private object(): Attributes {
    const entries: [string, Attribute][] = []
    this.expect('{')
    while (!this.take('}')) {
      if (entries.length > 0) this.expect(',')
      const name = this.match(/\w+/y, 'a name')
      this.expect(':')
      entries.push([name, this.attribute()])
    }
    return Object.fromEntries(entries)
  }

  private list(): Attribute[] {
    const items: Attribute[] = []
    this.expect('[')
    while (!this.take(']')) {
      if (items.length > 0) this.expect(',')
      items.push(this.attribute())
    }
    return items
  }

  private attribute(): Attribute {
    if (this.peek('[')) return this.list()
    if (this.peek('{')) return this.object()
    if (this.peek('"')) return JSON.parse(this.match(/"(?:[^"\\]|\\.)*"/y, 'a string'))
    const word = this.match(/[-+.\w]+/y, 'an attribute')
    if (word === 'null') return null
    if (word === 'true' || word === 'false') return word === 'true'
    return Number(word)
  }

  private space(): void {
    while (this.line[this.at] === ' ') this.at++
  }

  private peek(token: string): boolean {
    this.space()
    return this.line.startsWith(token, this.at)
  }

  private expect(token: string): void {
    if (!this.take(token)) this.fail(token)
  }

  private match(pattern: RegExp, expected: string): string {
    this.space()
    pattern.lastIndex = this.at
    const found = pattern.exec(this.line)?.[0] ?? this.fail(expected)
    this.at += found.length
    return found
  }
}

import { type Flushed, type Handle, interpret, type LeafOwner, Recorder, type Values } from '../../src/index'

/** What a value lies in, and how many hold it. */
export interface Block {
  values: Values | null
  holds: number
}

/** A backend in small: runs what a recorder flushes with the interpreter, and watches over the holds. */
export class Executor implements LeafOwner<Block> {
  readonly recorder: Recorder<Block>
  /** Every graph that was run, in order. */
  readonly runs: Flushed<Block>[] = []
  readonly blocks: Block[] = []

  constructor(limit?: number) {
    this.recorder = new Recorder<Block>(this, limit)
  }

  /** A block that is held once. */
  block(values: Values): Block {
    const block = { values, holds: 1 }
    this.blocks.push(block)
    return block
  }

  retain(block: Block): void {
    if (block.holds === 0) throw new Error('a freed block is retained')
    block.holds++
  }

  release(block: Block): void {
    if (block.holds === 0) throw new Error('a freed block is released')
    if (--block.holds === 0) block.values = null
  }

  run(flushed: Flushed<Block>): void {
    this.runs.push(flushed)
    const values = interpret(
      flushed.graph,
      flushed.inputs.map((block) => block.values!),
    )
    flushed.outputs.forEach((handle, i) => {
      this.recorder.resolve(handle, this.block(values[i]!))
    })
    for (const block of flushed.inputs) this.release(block)
  }

  flush(wanted?: readonly Handle<Block>[]): void {
    const flushed = this.recorder.flush(wanted)
    if (flushed) this.run(flushed)
  }

  /** A value that a live handle has, computing it if need be. */
  read(handle: Handle<Block>): Values {
    if (handle.leaf === undefined) this.flush()
    return handle.leaf!.values!
  }

  get held(): number {
    return this.blocks.filter(({ holds }) => holds > 0).length
  }
}

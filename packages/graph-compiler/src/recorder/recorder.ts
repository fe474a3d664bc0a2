import type { DataType } from '@tensorflow/tfjs-core'
import type { Attributes } from '../ir/graph'
import { internType, tidyInterner } from '../ir/intern'
import { cutGraph, type Flushed } from './cut'
import { Handle, type Pending } from './handle'
import { wholePeriods } from './period'
import { recordedSignature } from './signature'

/** How the recorder treats what the backend keeps values in: holds are counted, the last one gone frees it. */
export interface LeafOwner<Leaf> {
  /** One hold more. */
  retain(leaf: Leaf): void
  /** One hold less. */
  release(leaf: Leaf): void
  /**
   * Runs what the recorder had to flush by itself, because too much was pending. Must `resolve` every output before it
   * returns.
   */
  run(flushed: Flushed<Leaf>): void
}

/** Pending nodes from which on the recorder looks for a period to flush. */
const LIMIT = 4096
/** It is patient with what has no period yet, up to this many times the limit. */
const PATIENCE = 4

/**
 * Notes operations instead of computing them, and hands them over as graphs.
 *
 * A program's values are handles. Holds on leaves: a live handle has one, the pending nodes that read it have one
 * together, and each of a flush's inputs comes with one for the caller, who releases it when the run has ended.
 *
 * A loop that never reads would pend for ever. So at 4096 pending nodes the recorder looks for the loop's period and
 * has whole periods run, each as a graph of its own and all cut at the same place, so that they have one key
 * (recorder/period.ts).
 */
export class Recorder<Leaf> {
  private pending: Pending<Leaf>[] = []
  private threshold: number

  constructor(
    private readonly owner: LeafOwner<Leaf>,
    private readonly limit = LIMIT,
  ) {
    this.threshold = limit
  }

  /** How many nodes are pending. */
  get size(): number {
    return this.pending.length
  }

  /** A value that is there. Takes over the hold with which the leaf comes. */
  leaf(leaf: Leaf, shape: readonly number[], dtype: DataType): Handle<Leaf> {
    const { id, value } = internType(shape, dtype)
    const handle = new Handle<Leaf>(value, id)
    handle.leaf = leaf
    return handle
  }

  /**
   * Notes an operation.
   * @param inputs in the order of the table's; null where one is left out
   * @param attributes as tfjs gives them to its kernel; they may be changed afterwards
   * @param shapes under which the inputs are read, where tfjs's views have others than the handles: of the same sizes
   * @returns a live handle for each output
   * @throws with got and expected where the inputs do not fit
   */
  record(
    op: string,
    inputs: readonly (Handle<Leaf> | null)[],
    attributes: Attributes,
    shapes?: readonly (readonly number[] | undefined)[],
  ): Handle<Leaf>[] {
    if (this.pending.length >= this.threshold) this.full() // before, so that what was just recorded could be released
    const operands = shapes
      ? inputs.map((handle, i) => handle && this.view(handle, shapes[i] ?? handle.type.shape))
      : inputs
    return this.append(op, operands, attributes)
  }

  /** Gives a handle back: nobody will ask for its value or record with it any more. */
  release(handle: Handle<Leaf>): void {
    if (!handle.live)
      throw new Error(`got a handle ${handle.type.dtype}[${handle.type.shape}] released twice, expected once`)
    handle.live = false
    if (handle.leaf !== undefined) this.owner.release(handle.leaf)
  }

  /**
   * Takes what is pending out as a graph; undefined where no live value waits. Nodes that no live value needs are
   * dropped. The caller must `resolve` every output before anything else is recorded.
   * @param wanted take out only what these need, and leave the rest pending. Default: everything live.
   */
  flush(wanted?: readonly Handle<Leaf>[]): Flushed<Leaf> | undefined {
    if (!wanted) return this.cut(() => true)
    const needed = new Set(wanted.map(({ source }) => source))
    for (const node of this.pending.toReversed())
      if (needed.has(node)) for (const input of node.inputs) needed.add(input?.source)
    return this.cut((node) => needed.has(node))
  }

  /** Says where a flushed output's values lie, or will lie. Takes over one hold. */
  resolve(handle: Handle<Leaf>, leaf: Leaf): void {
    if (handle.source || handle.leaf !== undefined)
      throw new Error('got a handle that was not flushed, expected an output of a flush')
    handle.leaf = leaf
    if (handle.readers > 0) this.owner.retain(leaf)
    if (!handle.live) this.owner.release(leaf)
  }

  private append(op: string, inputs: readonly (Handle<Leaf> | null)[], attributes: Attributes): Handle<Leaf>[] {
    const { typeIds, ...signature } = recordedSignature(op, inputs, attributes)
    const outputs = signature.types.map((type, i) => new Handle<Leaf>(type, typeIds[i]!))
    const node: Pending<Leaf> = { op, ...signature, inputs, outputs, needed: false, first: 0 }
    for (const handle of inputs) if (handle) this.read(handle)
    for (let i = 0; i < outputs.length; i++) {
      outputs[i]!.source = node
      outputs[i]!.output = i
    }
    this.pending.push(node)
    return outputs
  }

  /** The handle, or a node that gives it another shape and that nobody but the next node will read. */
  private view(handle: Handle<Leaf>, shape: readonly number[]): Handle<Leaf> {
    const own = handle.type.shape
    if (own.length === shape.length && own.every((side, i) => side === shape[i])) return handle
    const view = this.append('Reshape', [handle], { shape })[0]!
    view.live = false
    return view
  }

  private read(handle: Handle<Leaf>): void {
    if (handle.leaf !== undefined) {
      if (handle.readers === 0) this.owner.retain(handle.leaf)
    } else if (!handle.source) throw new Error('got an output of a flush as input, expected it resolved first')
    handle.readers++
  }

  private cut(inside: (node: Pending<Leaf>) => boolean): Flushed<Leaf> | undefined {
    const { flushed, rest, gone } = cutGraph(this.pending, inside)
    for (const leaf of flushed?.inputs ?? []) this.owner.retain(leaf)
    for (const { inputs } of gone)
      for (const handle of inputs)
        if (handle && --handle.readers === 0 && handle.leaf !== undefined) this.owner.release(handle.leaf)
    this.pending = rest
    this.threshold = this.limit
    if (rest.length === 0) tidyInterner()
    return flushed
  }

  /** Too much is pending: whole periods go, or everything where there are none. */
  private full(): void {
    const pieces = wholePeriods(this.pending)
    if (pieces.length === 0 && this.pending.length < PATIENCE * this.limit) {
      this.threshold = Math.min(2 * this.threshold, PATIENCE * this.limit)
      return
    }
    const pending = this.pending // as it is now: each cut drops what nothing needs, from later pieces too
    let from = 0
    for (const length of pieces.length > 0 ? pieces : [pending.length]) {
      const piece = new Set(pending.slice(from, from + length))
      from += length
      const flushed = this.cut((node) => piece.has(node))
      if (flushed) this.owner.run(flushed)
    }
  }
}

export type { Flushed } from './cut'
export { Handle } from './handle'

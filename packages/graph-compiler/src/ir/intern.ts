import type { DataType } from '@tensorflow/tfjs-core'
import type { Attribute, Attributes, Layout, TensorType } from './graph'

// Equal things get one number, so that graphs are compared and looked up by integers. A recorded step makes hundreds of
// fresh attribute objects, equal to those of the step before: finding their numbers must cost next to nothing.

/** Sequences of numbers → what belongs to them: one small map a place. */
export class Trie<T> {
  value: T | undefined
  private readonly next = new Map<number, Trie<T>>()

  at(key: number): Trie<T> {
    let child = this.next.get(key)
    if (!child) {
      child = new Trie()
      this.next.set(key, child)
    }
    return child
  }
}

/** A thing and its number. */
export interface Interned<T> {
  readonly id: number
  readonly value: T
}

/** How many things are kept. Beyond it all are forgotten (see `tidyInterner`). */
const LIMIT = 1 << 17

let lastId = 0
let size = 0
/** Counts how often all was forgotten, for those who keep numbers. */
export let generation = 0
const newId = () => {
  size++
  return ++lastId
}

interface Tables {
  scalars: Map<string | number | boolean | null | symbol, number>
  lists: Trie<number>
  objects: Trie<Interned<Attributes>>
  types: Trie<Interned<TensorType>>
  nodes: Trie<number>
  /** Numbers of objects that came out of these tables, or went through them. */
  known: WeakMap<object, number>
}

const empty = (): Tables => ({
  scalars: new Map(),
  lists: new Trie(),
  objects: new Trie(),
  types: new Trie(),
  nodes: new Trie(),
  known: new WeakMap(),
})

let tables = empty()

/**
 * Forgets everything where more is kept than any reasonable program needs: one that makes new attributes for ever, say
 * `tf.fill` of a value that changes. Numbers are never given twice, so old keys stay valid; equal graphs merely get new
 * ones.
 */
export function tidyInterner(): void {
  if (size < LIMIT) return
  tables = empty()
  size = 0
  generation++
}

/** A Map takes −0 for 0. */
const NEGATIVE_ZERO = Symbol('-0')

/** The number of a plain value: a string, a number (0 and −0 differ), a boolean or null. */
export function scalarId(value: string | number | boolean | null): number {
  const key = Object.is(value, -0) ? NEGATIVE_ZERO : value
  let id = tables.scalars.get(key)
  if (id === undefined) {
    id = newId()
    tables.scalars.set(key, id)
  }
  return id
}

function attributeId(value: Attribute): number {
  if (value === null || typeof value !== 'object') return scalarId(value)
  return isList(value) ? listId(value) : internAttributes(value).id
}

const isList = (value: object): value is readonly Attribute[] => Array.isArray(value) || ArrayBuffer.isView(value)

function listId(list: readonly Attribute[]): number {
  let place = tables.lists
  for (let i = 0; i < list.length; i++) place = place.at(attributeId(list[i]!))
  place.value ??= newId()
  return place.value
}

const copy = (value: Attribute): Attribute =>
  value === null || typeof value !== 'object'
    ? value
    : isList(value)
      ? Object.freeze(Array.from(value, copy))
      : internAttributes(value).value

/** The one frozen object, keys in alphabetical order and without undefined values, of all that are equal to it. */
export function internAttributes(attributes: Attributes): Interned<Attributes> {
  let place = tables.objects
  for (const name in attributes) {
    const value = attributes[name]
    if (value !== undefined) place = place.at(scalarId(name)).at(attributeId(value))
  }
  place.value ??= sorted(attributes)
  return place.value
}

/** The same object, whatever the order in which its names were written. */
function sorted(attributes: Attributes): Interned<Attributes> {
  const names = Object.keys(attributes)
    .filter((name) => attributes[name] !== undefined)
    .sort()
  let place = tables.objects
  for (const name of names) place = place.at(scalarId(name)).at(attributeId(attributes[name]!))
  if (!place.value) {
    const value = Object.freeze(Object.fromEntries(names.map((name) => [name, copy(attributes[name]!)])))
    place.value = { id: newId(), value }
    tables.known.set(value, place.value.id)
  }
  return place.value
}

/** The one frozen type of all that are equal to it. */
export function internType(shape: readonly number[], dtype: DataType, layout: Layout = 'dense'): Interned<TensorType> {
  let place = tables.types.at(scalarId(dtype)).at(scalarId(layout))
  for (let i = 0; i < shape.length; i++) place = place.at(shape[i]!)
  if (!place.value) {
    const value = Object.freeze({ shape: Object.freeze([...shape]), dtype, layout })
    place.value = { id: newId(), value }
    tables.known.set(value, place.value.id)
  }
  return place.value
}

/** The number of a type or of attributes: at once where it was seen before. Neither may be changed after this. */
export function typeId(type: TensorType): number {
  return known(type, () => internType(type.shape, type.dtype, type.layout).id)
}

export function attributesId(attributes: Attributes): number {
  return known(attributes, () => internAttributes(attributes).id)
}

function known(object: object, find: () => number): number {
  let id = tables.known.get(object)
  if (id === undefined) {
    id = find()
    tables.known.set(object, id)
  }
  return id
}

/** The number of all nodes with this operation, attributes and output types, wherever their inputs come from. */
export function nodeId(op: string, attributes: Attributes, types: readonly TensorType[]): number {
  let place = tables.nodes.at(scalarId(op)).at(attributesId(attributes))
  for (const type of types) place = place.at(typeId(type))
  place.value ??= newId()
  return place.value
}

// A random program that is right: instructions from the examples, over inputs, outputs and places of the arena.
import { examples } from './examples.mjs'

/** { instructions, buffers }, as native/program/program.h has them but in objects. */
export function randomProgram(random, operations) {
  const buffers = []
  const counts = { input: 0, output: 0 }
  let arena = 0
  const buffer = (kind, bytes) => {
    const place = kind === 'arena' ? arena : counts[kind]++
    if (kind === 'arena') arena += Math.ceil(bytes / 64) * 64
    return buffers.push({ kind, place, bytes }) - 1
  }
  /** Memory that is there already and has this size, or new memory. */
  const place = (bytes, kind) => {
    if (bytes === 0) return -1
    const same = buffers.flatMap((other, i) => (other.bytes === bytes && other.kind !== 'output' ? [i] : []))
    return same.length > 0 && random.chance(0.7)
      ? random.pick(same)
      : buffer(random.chance(0.3) ? 'arena' : kind, bytes)
  }
  const instructions = random.times(random.int(1, 5), () => {
    const name = random.pick(Object.keys(examples))
    const { params, numbers, inputs, outputs } = examples[name](random)
    const read = inputs.map((bytes) => place(bytes, 'input'))
    const written = outputs.map((bytes) => (bytes === 0 ? -1 : buffer(random.chance(0.5) ? 'arena' : 'output', bytes)))
    return { operation: operations.indexOf(name), params, numbers, operands: [...read, ...written] }
  })
  return { instructions, buffers }
}

const WRONG = [0, -1, 1, 2, 3, 7, 64, 2 ** 31 - 1, -(2 ** 31), 2 ** 30, 65536]
const nearby = (random, value) => (random.chance(0.5) ? value + random.int(-2, 2) : random.pick(WRONG))
const change = (random, list, value) => {
  if (list.length > 0) list[random.int(0, list.length - 1)] = value
}

/** Breaks a program somewhere, or perhaps not. */
export function mutate(random, { instructions, buffers }) {
  const instruction = random.pick(instructions)
  const buffer = buffers.length > 0 ? random.pick(buffers) : undefined
  const i = random.int(0, Math.max(0, instruction.params.length - 1))
  const kinds = {
    param: () => change(random, instruction.params, nearby(random, instruction.params[i] ?? 0)),
    param_here: () => {
      if (i < instruction.params.length) instruction.params[i] = nearby(random, instruction.params[i])
    },
    params_cut: () => instruction.params.splice(i),
    param_more: () => instruction.params.push(nearby(random, 1)),
    number: () => change(random, instruction.numbers, random.pick([Number.NaN, Infinity, -Infinity, 1e38, -1, 0])),
    numbers_cut: () => instruction.numbers.splice(0, 1),
    operand: () => change(random, instruction.operands, random.int(-2, buffers.length)),
    operands_cut: () => instruction.operands.splice(random.int(0, instruction.operands.length)),
    operand_more: () => instruction.operands.push(random.int(-1, buffers.length - 1)),
    operation: () => {
      instruction.operation = random.int(-1, 60)
    },
    buffer_bytes: () => {
      if (buffer)
        buffer.bytes = random.chance(0.7)
          ? buffer.bytes + random.int(-8, 8)
          : random.pick([...WRONG, 2 ** 52, 0.5, Number.NaN])
    },
    buffer_place: () => {
      if (buffer)
        buffer.place = random.chance(0.7)
          ? buffer.place + random.pick([-64, 64, 1, 4])
          : random.pick([...WRONG, 2 ** 52])
    },
    buffer_kind: () => {
      if (buffer) buffer.kind = random.pick(['input', 'output', 'arena', 'none'])
    },
    overlap: () => {
      for (const one of buffers) if (one.kind === 'arena') one.place = 64 * random.int(0, 2)
    },
  }
  kinds[random.pick(Object.keys(kinds))]()
}

const KINDS = { input: 0, output: 1, arena: 2, none: 7 }

/** The three arrays of createProgram, where `broken` perhaps cut short. */
export function encode(random, { instructions, buffers }, broken) {
  const code = instructions.flatMap(({ operation, params, numbers, operands }) => [
    ...[operation, params.length, numbers.length, operands.length],
    ...params,
    ...operands,
  ])
  const numbers = instructions.flatMap((instruction) => instruction.numbers)
  const table = buffers.flatMap(({ kind, place, bytes }) => [KINDS[kind], place, bytes])
  const cut = (list) => (broken && random.chance(0.01) ? list.slice(0, random.int(0, list.length)) : list)
  return [Int32Array.from(cut(code)), Float32Array.from(cut(numbers)), Float64Array.from(cut(table))]
}

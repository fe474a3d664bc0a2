// Programs as native/program/program.h takes them.
import type { Addon, ProgramHandle } from './addon'

/** Memory that instructions work on. */
export interface Buffer {
  readonly kind: 'input' | 'output' | 'arena'
  /** Which input or output of the program; or bytes from the arena's beginning, a multiple of 64. */
  readonly place: number
  readonly bytes: number
}

/** One call of an operation: the files native/program/operations_*.c say what each takes. */
export interface Instruction {
  readonly operation: string
  readonly params?: readonly number[]
  readonly numbers?: readonly number[]
  /** Numbers of buffers, inputs first; null where one is left out. */
  readonly operands: readonly (number | null)[]
}

const KINDS = { input: 0, output: 1, arena: 2 } as const

/** Throws where an instruction would leave its buffers. */
export function createProgram(
  addon: Addon,
  instructions: readonly Instruction[],
  buffers: readonly Buffer[],
): ProgramHandle {
  const names = addon.operations()
  const code: number[] = []
  const allNumbers: number[] = []
  for (const { operation, params = [], numbers = [], operands } of instructions) {
    code.push(names.indexOf(operation), params.length, numbers.length, operands.length, ...params)
    for (const operand of operands) code.push(operand ?? -1)
    allNumbers.push(...numbers)
  }
  const table = buffers.flatMap(({ kind, place, bytes }) => [KINDS[kind], place, bytes])
  return addon.createProgram(Int32Array.from(code), Float32Array.from(allNumbers), Float64Array.from(table))
}

// Single instructions, for the tests of kernels.
import { type Addon, type EngineHandle, loadAddon } from '../../src/addon'
import { createProgram } from '../../src/program'

type TypedArray = Float32Array | Int32Array | Uint8Array

/** The addon itself; there must be one here. */
export function addonHere(): Addon {
  const { addon, reason } = loadAddon()
  if (!addon) throw new Error(reason)
  return addon
}

let engine: EngineHandle | undefined

/**
 * Runs one operation, on the instruction set and threads in use. Operands are `inputs`, then `outputs`, in the order of
 * its file native/program/operations_*.c; null where one is left out. Throws where its check fails.
 */
export function runInstruction(
  operation: string,
  params: readonly number[],
  numbers: readonly number[],
  inputs: readonly (TypedArray | null)[],
  outputs: readonly (TypedArray | null)[],
): void {
  const given = (arrays: readonly (TypedArray | null)[]) => arrays.filter((array) => array !== null)
  const buffers = [
    ...given(inputs).map(({ byteLength }, place) => ({ kind: 'input' as const, place, bytes: byteLength })),
    ...given(outputs).map(({ byteLength }, place) => ({ kind: 'output' as const, place, bytes: byteLength })),
  ]
  let next = 0
  const operands = [...inputs, ...outputs].map((array) => (array ? next++ : null))
  const addon = addonHere()
  engine ??= addon.createEngine()
  const program = createProgram(addon, [{ operation, params, numbers, operands }], buffers)
  try {
    addon.run(engine, program, given(inputs), given(outputs), null)
  } finally {
    addon.disposeProgram(program)
  }
}

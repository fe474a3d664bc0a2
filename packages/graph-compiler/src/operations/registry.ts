import type { Operation } from './operation'

const table = new Map<string, Operation>()

/** Adds an operation (made by `operation`) to the table, or replaces the one of its name. */
export function defineOperation(entry: Operation): void {
  table.set(entry.name, entry)
}

/** The operation of a name, if the table has it. */
export const findOperation = (name: string): Operation | undefined => table.get(name)

/** The operation of a name. @throws where the table has none */
export function operationOf(name: string): Operation {
  const found = table.get(name)
  if (!found) throw new Error(`got operation ${name}, expected one of the table: add it with defineOperation`)
  return found
}

/** All operations. */
export const allOperations = (): Operation[] => [...table.values()]

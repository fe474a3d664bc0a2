/** `value` as one of `names`, else an error that lists them. */
export function oneOf<Name extends string>(what: string, value: unknown, names: readonly Name[]): Name {
  const found = names.find((name) => name === value)
  if (found === undefined) throw new Error(`${what} is ${JSON.stringify(value)}, expected one of ${names.join(', ')}`)
  return found
}

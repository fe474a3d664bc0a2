import { z } from 'zod'

/** What help, the documentation's table and the parser know of an option beside its type. */
export interface About {
  section: Section
  help: string
  /** A letter that stands for the flag, behind one hyphen. */
  short?: string
  /** What stands for the value in help: `--run-name <name>`. */
  value?: string
  /** Further names of the flag; names are compared without case, hyphens and underscores. */
  aliases?: string[]
  /** True for flags of the reference system, which its own command lines give in every mode. */
  reference?: true
}

export const sections = ['Run', 'Data', 'Model', 'Loss', 'Optimizer', 'Engine', 'Output', 'Command'] as const
export type Section = (typeof sections)[number]

/** Holds what is known about each option, by its zod schema. */
export const about = z.registry<About>()

/** Flags bring text, config files bring numbers: text that is a number becomes one, anything else is left to fail. */
const fromText = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value)

const range = (low: number, high: number) =>
  high < Number.MAX_SAFE_INTEGER ? `from ${low} to ${high}` : `of at least ${low}`

/** A whole number in [low, high]. */
export function wholeNumber(low = 0, high = Number.MAX_SAFE_INTEGER) {
  const error = `a whole number ${range(low, high)}`
  return z.preprocess(fromText, z.number(error).int(error).min(low, error).max(high, error))
}

/** A finite number in [low, high]. */
export function number(low = 0, high = Number.MAX_VALUE) {
  const error = `a number ${range(low, high)}`
  return z.preprocess(fromText, z.number(error).min(low, error).max(high, error))
}

/** One of a few words. */
export const oneOf = <const T extends [string, ...string[]]>(...words: T) => z.enum(words, `one of ${words.join(', ')}`)

/** A piece of text that is not empty. */
export const text = () => z.string('text').min(1, 'text that is not empty')

/** True or false; on the command line `--name`, `--no-name` and the reference's `--noname`. */
export const flag = (byDefault: boolean) => z.boolean('true or false').default(byDefault)

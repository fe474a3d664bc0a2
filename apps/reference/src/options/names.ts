import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { about } from './kinds'
import { type OptionName, schema } from './schema'

export const optionNames = Object.keys(schema.shape) as OptionName[]

/** What stands in the schema for an option, below its default. */
export function innerType(name: OptionName): z.core.$ZodType {
  let type: z.core.$ZodType = schema.shape[name]
  while (type instanceof z.ZodDefault || type instanceof z.ZodOptional) type = type.unwrap()
  return type
}

export const isFlag = (name: OptionName) => innerType(name) instanceof z.ZodBoolean
export const describe = (name: OptionName) => about.get(schema.shape[name])!

/** `batchSize` is `--batch-size` on the command line. */
export const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** `--dataset_classID`, `dataset-class-id` and `datasetClassId` are one name. */
const squash = (name: string) => name.toLowerCase().replaceAll(/[-_]/g, '')

const bySquashed = new Map(
  optionNames.flatMap((name) => [name, ...(describe(name).aliases ?? [])].map((alias) => [squash(alias), name])),
)

/** The option of a name in any of its spellings: kebab-case, the reference's underscores, camelCase, an alias. */
export const findOption = (name: string): OptionName | undefined => bySquashed.get(squash(name))

/** The up to three candidates nearest to `word`, nearest first; none where all are far off. */
export const nearest = (word: string, candidates: readonly string[]): string[] =>
  candidates
    .map((candidate) => ({ candidate, far: distance(squash(word), squash(candidate)) }))
    .filter(({ candidate, far }) => far <= Math.max(2, Math.floor(Math.max(word.length, candidate.length) * 0.45)))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ candidate }) => candidate)

/** ` (did you mean a, b?)`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates)
  return near.length ? `; did you mean ${near.join(', ')}?` : ''
}

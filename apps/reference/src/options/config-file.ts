import { readFileSync } from 'node:fs'
import { UsageError } from './errors'
import { didYouMean, findOption, optionNames } from './names'
import { type Options, schema } from './schema'

/**
 * Checks values one by one, so that an error names the option it is about and only what was given comes back.
 *
 * @param label how the message calls an option, such as `--batch-size` or `batchSize in config.json`
 */
export function checkValues(values: Record<string, unknown>, label: (name: string) => string): Partial<Options> {
  const checked: Partial<Options> = Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const name = findOption(key)
      if (!name) throw new UsageError(`unknown option ${label(key)}${didYouMean(key, optionNames)}`)
      const result = schema.shape[name].safeParse(value)
      if (result.success) return [name, result.data]
      throw new UsageError(`${label(key)}: got ${JSON.stringify(value)}, expected ${result.error.issues[0]!.message}`)
    }),
  )
  const { batchSize, globalBatchSize } = checked
  if (batchSize !== undefined && globalBatchSize !== undefined)
    throw new UsageError(
      `got ${label('batchSize')} ${batchSize} and ${label('globalBatchSize')} ${globalBatchSize}, expected one of them: images of each process, or of all together`,
    )
  return checked
}

/** Reads options from a JSON file; names may be spelled as flags, too. */
export function readConfigFile(path: string): Partial<Options> {
  let values: unknown
  try {
    values = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`cannot read options from ${path}: ${(error as Error).message}`)
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new UsageError(`${path}: got ${JSON.stringify(values)?.slice(0, 40)}, expected an object of options`)
  return checkValues(values as Record<string, unknown>, (name) => `${name} in ${path}`)
}

/** Options over those of a file; a batch size takes the place of a file's global one, too. */
export function overlay(file: Partial<Options>, options: Partial<Options>): Partial<Options> {
  const { globalBatchSize, ...others } = file
  return { ...(options.batchSize === undefined ? file : others), ...options }
}

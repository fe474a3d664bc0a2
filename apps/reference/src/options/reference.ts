import { type CommandName, command, commandNames } from './commands'
import { UsageError } from './errors'
import { describe, didYouMean, findOption, isFlag, kebab, optionNames } from './names'
import type { OptionName, Options } from './schema'

type ExecMode = NonNullable<Options['execMode']>

/** What each mode of the reference is called here. */
const modes: Record<ExecMode, string[]> = {
  train: ['train'],
  train_and_evaluate: ['train-and-evaluate'],
  evaluate: ['evaluate'],
  training_benchmark: ['benchmark', 'training'],
  inference_benchmark: ['benchmark', 'inference'],
}

/** A flag as it was given, and the option that it means. */
interface Flag {
  option: OptionName
  given: string
  value: string | undefined
  negated: boolean
}

/** Whether a command has an option, or takes it because the reference's command lines give it in every mode. */
export const takes = (name: CommandName, option: OptionName): boolean => {
  const { options, takesReferenceFlags, argument } = command(name)
  return (
    options.includes(option) || argument?.option === option || !!(takesReferenceFlags && describe(option).reference)
  )
}

/**
 * Rewrites a command line into the one spelling that the parser knows: a subcommand first, flags in kebab-case,
 * booleans as `--name` and `--no-name`.
 *
 * So the reference's own command lines run as they are: no subcommand but `--exec_mode=…`, underscores, `--noamp`.
 *
 * @throws UsageError for a flag that no command has, or this one has not; it names the nearest.
 */
export function canonicalArguments(argv: readonly string[]): string[] {
  const [first] = argv
  const named = commandNames.find((name) => name === first?.replaceAll('_', '-'))
  const words = named ? argv.slice(1) : argv
  const flags: Flag[] = []
  const rest: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--') {
      rest.push(...words.slice(i))
      break
    }
    if (!word.startsWith('--') || word === '--help' || word === '--version') {
      rest.push(word)
      continue
    }
    const flag = readFlag(word)
    const next = words[i + 1]
    const takesNext = !isFlag(flag.option) && flag.value === undefined && next !== undefined && !next.startsWith('--')
    flags.push(takesNext ? { ...flag, value: words[++i]! } : flag)
  }

  const mode = flags.find(({ option }) => option === 'execMode')?.value
  if (mode !== undefined && named)
    throw new UsageError(`got the command ${named} and --exec-mode ${mode}, expected one of the two: leave one out`)
  if (mode !== undefined && !Object.hasOwn(modes, mode))
    throw new UsageError(
      `--exec-mode: got ${JSON.stringify(mode)}, expected one of ${Object.keys(modes).join(', ')}${didYouMean(mode, Object.keys(modes))}`,
    )
  const front = named ? [named] : mode ? modes[mode as ExecMode] : []
  const [name] = front as [CommandName?]
  if (name === undefined) {
    if (rest[0] && !rest[0].startsWith('-'))
      throw new UsageError(`no command ${rest[0]}${didYouMean(rest[0], commandNames)}; see unet-industrial --help`)
    if (flags.length)
      throw new UsageError(`got flags and no command, expected one of ${commandNames.join(', ')} first, or --exec-mode`)
    return rest
  }
  for (const { option, given } of flags)
    if (option !== 'execMode' && !takes(name, option))
      throw new UsageError(`${given} is not an option of ${name}; see unet-industrial ${name} --help`)
  return [...front, ...flags.filter(({ option }) => option !== 'execMode').map(spell), ...rest]
}

/** Finds the option that `--word`, `--word=value` or `--noword` means. */
function readFlag(word: string): Flag {
  const [given, value] = word.includes('=')
    ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]
    : [word, undefined]
  const name = given.slice(2)
  const option = findOption(name)
  if (option) return { option, given, value, negated: false }
  const positive = /^no[-_]?/i.test(name) ? findOption(name.replace(/^no[-_]?/i, '')) : undefined
  if (positive && isFlag(positive)) return { option: positive, given, value, negated: true }
  const flags = optionNames.flatMap((known) => [known, ...(describe(known).aliases ?? [])])
  throw new UsageError(
    `unknown flag ${given}${didYouMean(
      name,
      flags.map((known) => `--${kebab(known)}`),
    )}`,
  )
}

function spell({ option, given, value, negated }: Flag): string {
  if (isFlag(option)) {
    if (value !== undefined && !/^(true|false|1|0)$/i.test(value))
      throw new UsageError(`${given}: got ${JSON.stringify(value)}, expected true or false`)
    const on = (value === undefined || /^(true|1)$/i.test(value)) !== negated
    return `--${on ? '' : 'no-'}${kebab(option)}`
  }
  if (value === undefined && option !== 'resume') throw new UsageError(`${given} needs a value`)
  return value === undefined ? `--${kebab(option)}` : `--${kebab(option)}=${value}`
}

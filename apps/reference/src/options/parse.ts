import { Option, Command as Program } from 'commander'
import { z } from 'zod'
import { type CommandName, command, commandNames } from './commands'
import { checkValues, overlay, readConfigFile } from './config-file'
import { UsageError } from './errors'
import { describe, innerType, isFlag, kebab, optionNames } from './names'
import { canonicalArguments, takes } from './reference'
import { type OptionName, type Options, schema } from './schema'

/** What a command line asks for. */
export interface Request {
  command: CommandName
  /** Every option, defaults filled in. */
  options: Options
  /** The options that flags or --config named, which is what wins over a resumed run's config.json. */
  given: Partial<Options>
}

/**
 * Understands a command line. Later wins: the schema's defaults, the command's, the --config file, flags.
 *
 * @returns undefined where help or the version was asked for, which is then printed.
 * @throws UsageError for anything it does not understand
 */
export function parseArguments(argv: readonly string[], version: string): Request | undefined {
  let request: Request | undefined
  const program = new Program('unet-industrial')
    .description('Trains and runs TinyUNet, a network that segments defects on surfaces.')
    .version(version)
    .addHelpText(
      'after',
      "\nThe reference's own command lines run too: --exec_mode=train_and_evaluate --iter_unit=batch …",
    )
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  for (const name of commandNames)
    addCommand(program, name, (flags) => {
      const given = overlay(
        readConfig(flags),
        checkValues(flags, (key) => label(name, key)),
      )
      request = { command: name, given, options: schema.parse({ ...command(name).defaults, ...given }) }
    })
  const words = canonicalArguments(argv)
  if (words.length === 0) program.outputHelp()
  else
    try {
      program.parse(words, { from: 'user' })
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      if (!code?.startsWith('commander.')) throw error
      if (!/^commander\.(help|helpDisplayed|version)$/.test(code)) throw new UsageError(message.replace(/^error: /, ''))
    }
  return request
}

const readConfig = ({ config }: Record<string, unknown>) => (typeof config === 'string' ? readConfigFile(config) : {})

/** An option is named by its flag, or by its place behind the command. */
const label = (name: CommandName, option: string) =>
  command(name).argument?.option === option ? `${name} <${option}>` : `--${kebab(option)}`

function addCommand(program: Program, name: CommandName, onParsed: (flags: Record<string, unknown>) => void) {
  const { summary, options, argument, examples, defaults } = command(name)
  const sub = program.command(name).description(summary).exitOverride().showHelpAfterError(false)
  if (argument) {
    const inner = argument.many ? `${argument.option}...` : argument.option
    sub.argument(argument.required ? `<${inner}>` : `[${inner}]`, describe(argument.option).help)
  }
  for (const option of optionNames.filter((option) => takes(name, option) && option !== argument?.option))
    for (const flag of commanderOptions(option, defaults)) {
      if (!options.includes(option) || option === 'execMode') flag.hideHelp()
      sub.addOption(flag)
    }
  const lines = examples.map((line) => `  ${line.startsWith('npx ') ? '' : 'unet-industrial '}${line}`)
  sub.addHelpText('after', ['\nExamples:', ...lines].join('\n'))
  sub.action((...parsed) => {
    const words = argument && parsed[0] !== undefined ? { [argument.option]: parsed[0] } : {}
    onParsed({ ...sub.opts(), ...words })
  })
}

/** Commander's form of an option: two for a boolean, of which help shows the one that changes something. */
function commanderOptions(name: OptionName, defaults: Partial<Options> = {}): Option[] {
  const { help, value, short } = describe(name)
  const flag = kebab(name)
  const byDefault = defaults[name] ?? schema.shape[name].safeParse(undefined).data
  if (isFlag(name)) {
    const [on, off] = [new Option(`--${flag}`, help), new Option(`--no-${flag}`, `don't: ${help}`)]
    ;(byDefault ? on : off).hideHelp()
    return [on, off]
  }
  const shown = byDefault === undefined || byDefault === false ? help : `${help} (default: ${byDefault})`
  const inner = innerType(name)
  const words = inner instanceof z.ZodEnum ? `: ${inner.options.join(', ')}` : ''
  const placeholder = value ?? (words ? 'word' : 'number')
  const letter = short ? `-${short}, ` : ''
  return [
    new Option(`${letter}--${flag} ${name === 'resume' ? `[${placeholder}]` : `<${placeholder}>`}`, shown + words),
  ]
}

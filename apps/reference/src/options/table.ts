import { z } from 'zod'
import { sections } from './kinds'
import { describe, innerType, isFlag, kebab, optionNames } from './names'
import { type OptionName, schema } from './schema'

const escaped = (value: string) => value.replaceAll('|', '\\|')

/** The README's table of all options, by section, from the schema. */
export const optionsTable = (): string =>
  sections
    .map((section) => {
      const rows = optionNames.filter((name) => describe(name).section === section).map(row)
      return `### ${section}\n\n${aligned([['flag', 'default', 'what it is'], ...rows])}`
    })
    .join('\n\n')

/** A table of Markdown with columns of even width, as the formatter wants it. */
function aligned([header, ...rows]: string[][]): string {
  const widths = header!.map((_, column) => Math.max(...[header!, ...rows].map((row) => row[column]!.length)))
  const rule = widths.map((width) => '-'.repeat(width))
  return [header!, rule, ...rows]
    .map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
    .join('\n')
}

function row(name: OptionName): string[] {
  const { help, value, short, aliases = [] } = describe(name)
  const inner = innerType(name)
  const words = inner instanceof z.ZodEnum ? `: ${inner.options.map((word) => `\`${word}\``).join(', ')}` : ''
  const byDefault = schema.shape[name].safeParse(undefined).data
  const others = [...(short ? [`-${short}`] : []), ...aliases.map((alias) => `--${alias}`)]
  const also = others.length ? ` (also ${others.map((other) => `\`${other}\``).join(', ')})` : ''
  const shown = Array.isArray(byDefault) || byDefault === undefined ? '' : `\`${byDefault}\``
  const flag = `\`--${kebab(name)}${isFlag(name) ? '' : ` <${value ?? 'value'}>`}\`${also}`
  return [flag, shown, `${escaped(help)}${words}`]
}

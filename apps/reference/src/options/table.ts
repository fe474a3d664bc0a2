import { z } from 'zod'
import { sections } from './kinds'
import { describe, innerType, isFlag, kebab, optionNames } from './names'
import { type OptionName, schema } from './schema'

const cell = (value: string) => value.replaceAll('|', '\\|')

/** The README's table of all options, by section, from the schema. */
export const optionsTable = (): string =>
  sections
    .map((section) => {
      const rows = optionNames.filter((name) => describe(name).section === section).map(row)
      return [`### ${section}`, '', '| flag | default | what it is |', '| --- | --- | --- |', ...rows].join('\n')
    })
    .join('\n\n')

function row(name: OptionName): string {
  const { help, value, aliases = [] } = describe(name)
  const inner = innerType(name)
  const words = inner instanceof z.ZodEnum ? `: ${inner.options.map((word) => `\`${word}\``).join(', ')}` : ''
  const byDefault = schema.shape[name].safeParse(undefined).data
  const also = aliases.length ? ` (also ${aliases.map((alias) => `\`--${alias}\``).join(', ')})` : ''
  const shown = Array.isArray(byDefault) || byDefault === undefined ? '' : `\`${byDefault}\``
  return `| \`--${kebab(name)}${isFlag(name) ? '' : ` <${value ?? 'value'}>`}\`${also} | ${shown} | ${cell(help)}${words} |`
}

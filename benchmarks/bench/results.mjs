// Writes what was measured: results.json, RESULTS.md, and the plot.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { contenders } from './contenders.mjs'
import { peakLines, targetsOf } from './machine.mjs'
import { duration } from './numbers.mjs'
import { parts } from './parts.mjs'
import { plot } from './plot.mjs'

/**
 * @param {{ machine, options, began: Date, seconds, interrupted: boolean, missing: Record<string, string>, measured: object[],
 *   failed: { does, why }[] }} run
 * @returns the paths written
 */
export function writeResults(run) {
  const { options, measured } = run
  mkdirSync(options.output, { recursive: true })
  const files = { 'results.json': `${JSON.stringify(run, null, 1)}\n`, 'RESULTS.md': markdown(run) }
  if (measured.some(({ part }) => part === 'sweep')) files['speed.svg'] = plot(measured, options)
  return Object.entries(files).map(([name, text]) => {
    const path = join(options.output, name)
    writeFileSync(path, text)
    return path
  })
}

export function markdown({ machine, options, began, seconds, interrupted, missing, measured, failed }) {
  const { cpu, cores, memoryBytes, platform, node, commit, load, features } = machine
  const of = (name) => measured.filter(({ part }) => part === name)
  const context = { of, options, machine, targets: targetsOf(machine, options) }
  const sections = options.parts
    .filter((name) => of(name).length > 0)
    .map((name) => `${parts[name].markdown(context)}\n\n${commands(of(name))}`)
  const left = [
    ...missingLines(missing).map((line) => `- ${line}`),
    ...failed.map(({ does, why }) => `- ${does}: ${why}`),
  ]
  return `# Results

${options.quick ? '**A quick run on tiny images: that all works, not how fast.**\n\n' : ''}${interrupted ? '**Interrupted: not all was measured.**\n\n' : ''}| | |
| --- | --- |
| command | \`${options.command}\` |
| date | ${began.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${duration(seconds)} |
| CPU | ${cpu}, ${cores} cores${features.length ? `, ${features.join(' ')}` : ''} |
| memory | ${(memoryBytes / 2 ** 30).toFixed(1)} GiB |
| system | ${platform}, Node ${node}, commit ${commit} |
| rivals | ${[...new Set(measured.flatMap(({ peer }) => peer ?? []))].join('; ') || 'none'} |
| load at the start | ${load.toFixed(2)} |
${peakLines(machine)
  .map((line) => `| peak, ${options.threads} threads | ${line} |`)
  .join('\n')}

Speeds compare within this run only. Under each table are the commands that it was made with; results.json has each single measurement.

${sections.join('\n\n')}
${left.length ? `\n## Not measured\n\n${left.join('\n')}\n` : ''}`
}

/** Who is missing and why, a line for each reason. */
export function missingLines(missing) {
  const names = (why) => Object.keys(missing).filter((name) => missing[name] === why)
  const labels = (why) => names(why).map((name) => contenders[name].label)
  return [...new Set(Object.values(missing))].map((why) => `${labels(why).join('; ')}: ${why}`)
}

const commands = (measured) =>
  `<details><summary>Commands</summary>\n\n${[...new Set(measured.map(({ shown }) => `    ${shown}`))].join('\n')}\n\n</details>`

// Measures this project beside its rivals in one run and writes benchmarks/RESULTS.md: npm run bench -- --help
import { existsSync } from 'node:fs'
import { availableParallelism, freemem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { lastLine, stopChild } from './bench/child.mjs'
import { contenders } from './bench/contenders.mjs'
import { describe, estimate, tooLarge } from './bench/jobs.mjs'
import { describeMachine, peakLines } from './bench/machine.mjs'
import { duration, short } from './bench/numbers.mjs'
import { help, readOptions } from './bench/options.mjs'
import { parts } from './bench/parts.mjs'
import { missingLines, writeResults } from './bench/results.mjs'

const say = (text) => console.error(text)
function refuse(message) {
  say(`bench: ${message}`)
  process.exit(2)
}

/** The options, or an end with a line that says what is wrong. */
function options() {
  try {
    return readOptions(process.argv.slice(2), availableParallelism())
  } catch (error) {
    return refuse(`${error.message}; see npm run bench -- --help`)
  }
}

const asked = options()
if (asked.help) {
  console.log(help)
  process.exit()
}
if (!existsSync(fileURLToPath(new URL('../apps/reference/dist/cli.js', import.meta.url))))
  refuse('nothing is built: npm run build')

const began = new Date()
const run = {
  machine: await describeMachine(asked.threads),
  options: asked,
  began,
  interrupted: false,
  missing: {},
  measured: [],
  failed: [],
}
for (const name of asked.contenders) {
  const why = contenders[name].missing(asked)
  if (why) run.missing[name] = why
}
const present = asked.contenders.filter((name) => !run.missing[name])
const jobs = asked.parts.flatMap((part) => parts[part].jobs(asked, present).map((job) => ({ part, ...job })))

/** How much longer than estimated each contender takes here. */
const pace = {}
const paceOf = ({ contender, task }) => pace[`${contender} ${task}`] ?? 1
const expected = (some) => some.reduce((sum, job) => sum + estimate(job) * paceOf(job), 0)

const { cpu, cores, load } = run.machine
say(
  `${cpu}, ${cores} cores; load ${load.toFixed(2)}${load > 0.5 ? ': others are at work, so figures will be too low' : ''}`,
)
for (const line of peakLines(run.machine)) say(`peak, ${asked.threads} threads, ${line}`)
for (const line of missingLines(run.missing)) say(line)
say(`${jobs.length} measurements, about ${duration(expected(jobs))}; Ctrl-C writes what is there`)

for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    run.interrupted = true
    stopChild()
  })

/** What a job measures. tfjs-node's script does both tasks at once: the second one finds its result here. */
const done = new Map()
const key = ({ contender, part, round, imageSize, batchSize, steps }) =>
  [contender, part, round, imageSize, batchSize, steps].join()
async function measure(job) {
  if (job.run) return await job.run(job, asked)
  const { command, read, both } = contenders[job.contender]
  const { shown, ...invocation } = command(job, asked)
  const line =
    (both && done.get(key(job))) || (await lastLine(invocation, Math.max(600, 20 * estimate(job) * paceOf(job))))
  if (both) done.set(key(job), line)
  const measured = read(line, job)
  if (!Number.isFinite(measured.imagesPerSecond)) throw new Error(`its line has no speed of ${job.task}`)
  return { ...measured, shown }
}

for (const [i, { run: work, ...job }] of jobs.entries()) {
  const left = duration(expected(jobs.slice(i)))
  const large = tooLarge(job, freemem())
  const start = performance.now()
  try {
    if (large) throw new Error(large)
    const measured = await measure({ ...job, run: work })
    run.measured.push({ ...job, ...measured })
    const seconds = (performance.now() - start) / 1000
    if (job.contender) pace[`${job.contender} ${job.task}`] = seconds / estimate(job)
    const rate = measured.imagesPerSecond ? `${short(measured.imagesPerSecond)} img/s` : 'done'
    say(`${i + 1}/${jobs.length}  ${describe(job)}: ${rate}   (${left} left)`)
  } catch (error) {
    if (run.interrupted) break
    run.failed.push({ contender: job.contender, does: describe(job), why: error.message })
    say(`${i + 1}/${jobs.length}  ${describe(job)}: ${error.message}`)
  }
  if (run.interrupted) break
}

run.seconds = (Date.now() - began) / 1000
for (const path of writeResults(run)) say(`wrote ${path}`)
const ownFailures = run.failed.filter(
  ({ contender }) => !contender || ['compiled', 'eager', 'avx2'].includes(contender),
)
if (run.interrupted) process.exitCode = 130
else if (ownFailures.length > 0) process.exitCode = 1

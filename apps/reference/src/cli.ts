import { setTimeout as wait } from 'node:timers/promises'
import type { CommandName } from './options/commands'
import { UsageError } from './options/errors'
import { parseArguments, type Request } from './options/parse'
import { place } from './place'
import { version } from './version'

type Run = (request: Request) => Promise<unknown>

/** What each command runs; loaded when it is asked for, so that help and errors need no engine. */
const loaders: Record<CommandName, () => Promise<Run>> = {
  train: async () => (await import('./commands/train')).train,
  'train-and-evaluate': async () => (await import('./commands/train')).trainAndEvaluate,
  demo: async () => (await import('./commands/train')).trainAndEvaluate,
  evaluate: async () => (await import('./commands/evaluate')).evaluate,
  predict: async () => (await import('./commands/predict')).predict,
  benchmark: async () => (await import('./commands/benchmark')).benchmark,
  data: async () => (await import('./commands/data')).data,
  summary: async () => (await import('./commands/summary')).summarize,
  graph: async () => (await import('./commands/graph')).graph,
  doctor: async () => (await import('./commands/doctor')).doctor,
}

/** Ranks besides the first wait so long with a usage error, in ms: the first one's has ended them by then, unless it had none. */
const firstSpeaks = 5000

/**
 * Whether it is for this process to do: of several that were started together the first alone does what is not shared, and
 * a host's first says what works there.
 */
async function isMine(name: CommandName): Promise<boolean> {
  if (!['predict', 'data', 'summary', 'graph', 'doctor'].includes(name)) return true
  const { rank, localRank, size } = await place()
  if (name === 'doctor') return localRank === 0
  if (rank === 0 && size > 1) process.stderr.write(`${name} is done by one process, the first of ${size}\n`)
  return rank === 0
}

let request: Request | undefined

/** One line, whatever happened; the stack only for those who asked for it. */
function fail(error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  process.stderr.write(`unet-industrial: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`)
  if (request?.options.debugVerbosity === 2) process.stderr.write(`${stack}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

process.on('uncaughtException', (error) => {
  fail(error)
  process.exit()
})
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  process.exit(code === 'EPIPE' ? 141 : 1) // the reader has gone, as with `| head`: 128 + SIGPIPE
})

try {
  request = parseArguments(process.argv.slice(2), version)
  if (request && (await isMine(request.command))) await (await loaders[request.command]())(request)
} catch (error) {
  if (error instanceof UsageError && (await place()).rank > 0) await wait(firstSpeaks)
  fail(error)
}

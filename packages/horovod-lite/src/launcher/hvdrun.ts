// Entry of the command hvdrun.
import { checkBuild } from './check-build'
import { UsageError } from './flags'
import { placesOn } from './hosts'
import { runJob } from './job'
import { runThroughMpirun } from './mpirun'
import { parseOptions } from './options'
import { STREAMS } from './protocol'
import type { Settings } from './settings'

async function run(settings: Settings): Promise<number> {
  if (settings.elastic) {
    const { runElastic } = await import('./elastic/run-elastic')
    return runElastic(settings)
  }
  if (settings.transport === 'mpi') return runThroughMpirun(settings)
  const places = placesOn(settings.hosts, settings.size)
  if (settings.verbose)
    for (const { rank, host } of places)
      process.stderr.write(`hvdrun: rank ${rank} on ${host}: ${settings.command.join(' ')}\n`)
  return runJob(settings, places)
}

for (const stream of STREAMS) process[stream].on('error', () => process.exit(141)) // the reader has gone: 128 + SIGPIPE

try {
  const settings = parseOptions(process.argv.slice(2), checkBuild)
  process.exitCode = settings ? await run(settings) : 0
} catch (error) {
  process.stderr.write(`hvdrun: ${(error as Error).message}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

import { constants } from 'node:os'
import type { Exit } from './agents'
import { RankOutput } from './output'
import type { OutputOptions } from './prefix'
import type { Stream } from './protocol'
import { screen } from './screen'
import { TagCutter } from './tags'

const signalNames = Object.entries(constants.signals) as [NodeJS.Signals, number][]

/** What mpirun says of the rank that failed first. `host` where it names it. */
export interface RankFailure extends Exit {
  rank: number
  host?: string
}

/** Gives each rank what is its own of mpirun's output, and mpirun what is its own. */
export class MpirunOutput {
  readonly ranks: readonly RankOutput[]
  failure?: RankFailure
  private readonly cutters: Record<Stream, TagCutter>
  private own = ''
  private block: string[] | undefined
  /** Says that somebody has failed, not who. */
  private vague = ''

  constructor(size: number, options: OutputOptions) {
    this.ranks = Array.from({ length: size }, (_, rank) => new RankOutput(rank, options))
    const cutter = (stream: Stream) =>
      new TagCutter((rank, bytes) => {
        if (rank === null) this.say(bytes.toString('utf8'))
        else this.ranks[rank]?.write(stream, bytes)
      })
    this.cutters = { stdout: cutter('stdout'), stderr: cutter('stderr') }
  }

  write(stream: Stream, bytes: Uint8Array): void {
    this.cutters[stream].push(bytes)
  }

  close(): void {
    for (const cutter of Object.values(this.cutters)) cutter.end()
    for (const rank of this.ranks) rank.close()
    if (this.own) this.line(this.own)
    const left = [...(this.block ?? []), ...(this.failure ? [] : [this.vague])]
    for (const line of left) if (line) screen.line('stderr', line)
  }

  private say(text: string): void {
    const lines = (this.own + text).split('\n')
    this.own = lines.pop()!
    for (const line of lines) this.line(line)
  }

  /** mpirun writes paragraphs between two lines of dashes. Those that tell who failed are told in hvdrun's words. */
  private line(line: string): void {
    if (!/^-{50,}$/.test(line)) {
      if (this.block) this.block.push(line)
      else if (line) screen.line('stderr', line)
    } else if (!this.block) this.block = []
    else {
      const paragraph = this.block.join('\n')
      this.block = undefined
      const failure = failureOf(paragraph)
      if (failure) this.failure ??= failure
      else if (/^Primary job +terminated normally/.test(paragraph)) this.vague = paragraph
      else screen.line('stderr', paragraph)
    }
  }
}

/** Of Open MPI 4 and 5; undefined where the paragraph is about something else. */
export function failureOf(paragraph: string): RankFailure | undefined {
  const exited = /Process name: \[.*,(\d+)\]\s+Exit code: +(\d+)/.exec(paragraph)
  if (exited) return { rank: Number(exited[1]), code: Number(exited[2]), signal: null }
  const killed = /process rank (\d+) with PID \d+ on node (\S+) exited\s+on\s+signal (\d+)/.exec(paragraph)
  if (!killed) return undefined
  const [signal] = signalNames.find(([, number]) => number === Number(killed[3])) ?? (['SIGKILL'] as const)
  return { rank: Number(killed[1]), host: killed[2], code: null, signal }
}

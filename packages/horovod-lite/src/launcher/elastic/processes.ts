import { setMaxListeners } from 'node:events'
import { Agent, type Exit, type RemoteProcess } from '../agents'
import { agentOptions } from '../job'
import { RankOutput } from '../output'
import { GRACE } from '../patience'
import { say } from '../screen'
import type { Settings } from '../settings'
import type { Worker } from './seating'

export interface ProcessesOptions {
  settings: Settings
  /**
   * Of every process; asked for once, before the first is started.
   * @param seen this host's addresses as the first hosts see them
   */
  environment(seen: readonly string[]): Promise<Record<string, string>>
  /** Its host has answered: it starts now. */
  onStart(worker: Worker): void
  /** At once when it has ended; its output may still come. @param output missing where it was never started */
  onExit(worker: Worker, exit: Exit, output?: RankOutput): void
  /** It has ended, and has said everything. */
  onClose(): void
  /** No process can be started on a host now. */
  onUnreachable(host: string, reason: Error): void
}

interface Running {
  output: RankOutput
  process: RemoteProcess
  killing?: NodeJS.Timeout
}

/** The job's processes, through an agent on each host. */
export class Processes {
  private readonly agents = new Map<string, Promise<Agent>>()
  private readonly running = new Map<string, Running>()
  private environment?: Promise<Record<string, string>>
  private readonly needed = new AbortController()

  constructor(private readonly options: ProcessesOptions) {
    setMaxListeners(0, this.needed.signal) // one for each host
  }

  get count(): number {
    return this.running.size
  }

  /** @throws where the folder for its output cannot be made, or there can be no rendezvous */
  async start(worker: Worker, slots: number): Promise<void> {
    const { settings, onStart, onExit, onClose, onUnreachable } = this.options
    const { id, host, number, rank, slot } = worker
    let agent: Agent
    try {
      agent = await this.agentOn(host)
    } catch (error) {
      return onUnreachable(host, error as Error)
    }
    this.environment ??= this.seen().then((seen) => this.options.environment(seen))
    const environment = await this.environment
    if (worker.stopping) return onExit(worker, { code: 0, signal: null })
    if (agent.lost) return onUnreachable(host, new Error(`host ${host}: hvdrun's agent there has died`))
    onStart(worker)
    const { command, outputFilename: folder, timestamps, verbose } = settings
    if (verbose) say(`process ${number} on ${host}: ${command.join(' ')}`)
    const output = new RankOutput(rank, { folder, timestamps }, `process.${number}`)
    // What it will probably get: its place is what init() says.
    const expected = {
      HOROVOD_RANK: rank,
      HOROVOD_SIZE: Math.max(rank + 1, settings.size),
      HOROVOD_LOCAL_RANK: slot,
      HOROVOD_LOCAL_SIZE: Math.max(slot + 1, slots),
    }
    const own = { ...expected, HOROVOD_ELASTIC_WORKER: id, HOROVOD_HOSTNAME: host }
    const strings = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, String(value)]))
    const running = agent.start(command, { ...environment, ...strings }, process.cwd(), {
      onOutput: (stream, text) => output.write(stream, text),
      onDeath: (exit) => onExit(worker, exit, output),
      onExit: () => {
        clearTimeout(this.running.get(id)?.killing)
        this.running.delete(id)
        output.close()
        onClose()
      },
    })
    this.running.set(id, { output, process: running })
  }

  /** Lets a process end, for a while. */
  stop({ id }: Worker): void {
    const running = this.running.get(id)
    if (!running || running.killing) return
    running.process.signal('SIGTERM')
    running.killing = setTimeout(() => running.process.signal('SIGKILL'), GRACE)
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const { process } of this.running.values()) process.signal(signal)
  }

  /** The number before its lines. */
  setRank({ id, rank }: Worker): void {
    const running = this.running.get(id)
    if (running) running.output.rank = rank
  }

  /** The agents end what is left. */
  close(): void {
    this.needed.abort()
    for (const { killing } of this.running.values()) clearTimeout(killing)
    for (const opening of this.agents.values()) opening.then((agent) => agent.close()).catch(() => {})
  }

  /** When all hosts that there are at first have answered, or have not. */
  private async seen(): Promise<string[]> {
    const opened = await Promise.allSettled(this.agents.values())
    return opened.flatMap((agent) => (agent.status === 'fulfilled' ? (agent.value.seenFrom ?? []) : []))
  }

  private agentOn(host: string): Promise<Agent> {
    const open = () => Agent.open(host, agentOptions(this.options.settings), this.needed.signal)
    const known = this.agents.get(host)
    const agent = known ? known.then((each) => (each.lost ? open() : each)) : open()
    this.agents.set(host, agent)
    agent.catch(() => this.agents.delete(host))
    return agent
  }
}

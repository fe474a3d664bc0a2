import { type ChildProcess, spawn } from 'node:child_process'
import { agentCommand, lackedThere, mismatchOf } from './agent-program'
import { flow } from './flow'
import { signalGroup } from './groups'
import { PATIENCE } from './patience'
import { type FromAgent, lineOf, messages, type Stream, type ToAgent } from './protocol'
import { gist, onHost, type SshOptions } from './ssh'

export type AgentOptions = SshOptions

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  /** What happened, where it could not be started or its agent was lost. */
  problem?: string
}

export interface ProcessHandlers {
  onOutput(stream: Stream, bytes: Buffer): void
  /** At once when it has ended: output may still come. */
  onDeath?(exit: Exit): void
  /** Once, when everything has been said; also where the agent is lost. */
  onExit(exit: Exit): void
}

/** A process that an agent has started. */
export interface RemoteProcess {
  signal(signal: NodeJS.Signals): void
}

interface Entry {
  handlers: ProcessHandlers
  exit?: Exit
}

/** hvdrun's hand on a host: an agent there, whose stdin is its life line. */
export class Agent {
  private readonly processes = new Map<number, Entry>()
  private next = 0
  private complaints = ''
  private closed = false
  /** It has died, and can start nothing. */
  lost = false
  /** The address from which it was reached by ssh. */
  seenFrom?: string

  private constructor(
    readonly host: string,
    private readonly child: ChildProcess,
  ) {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.complaints = (this.complaints + text).slice(-4000)
    })
    child.stdin!.on('error', () => {}) // it is gone: its exit tells
  }

  /**
   * @param needed aborted where it is not needed any more
   * @throws where the host cannot be reached in time, with ssh's own words
   */
  static async open(host: string, options: AgentOptions, needed?: AbortSignal): Promise<Agent> {
    const [program, ...args] = await onHost(host, options, agentCommand())
    // Out of the terminal's process group: Ctrl-C is hvdrun's to pass on.
    const child = spawn(program, args, { stdio: 'pipe', detached: true })
    const agent = new Agent(host, child)
    return new Promise((resolve, reject) => {
      const failed = (what: string) => {
        clearTimeout(timer)
        agent.discard()
        reject(new Error(`host ${host}: ${what}`))
      }
      const notReached = (what: string) => {
        const said = gist(agent.complaints)
        const attempt = [program, ...args.slice(0, -1)].join(' ')
        failed(`${what}${said && ` (${said})`}; try: ${attempt} true`)
      }
      const seconds = options.startTimeoutSeconds
      const timer = setTimeout(() => notReached(`no answer within ${seconds} s`), seconds * 1000)
      const ended = (code: number | null) => {
        const lacked = lackedThere(code, agent.complaints)
        if (lacked) failed(lacked)
        else notReached(`${program} ended with code ${code} before hvdrun's agent had started`)
      }
      child.once('error', ({ code }: NodeJS.ErrnoException) => notReached(`cannot run ${program} (${code})`))
      child.once('close', ended)
      const notNeeded = () => failed('it is not needed any more')
      needed?.addEventListener('abort', notNeeded)
      if (needed?.aborted) notNeeded()
      messages<FromAgent>(child.stdout!, (message) => {
        if (message.say !== 'hello') return agent.hear(message)
        child.off('close', ended)
        needed?.removeEventListener('abort', notNeeded)
        const mismatch = mismatchOf(message)
        if (mismatch) return failed(mismatch)
        clearTimeout(timer)
        agent.seenFrom = message.seenFrom
        const listensNoMore = flow.listen((stream, held) => agent.tell({ do: 'hold', stream, held }))
        child.once('exit', () => {
          listensNoMore()
          agent.onEnd()
        })
        resolve(agent)
      })
    })
  }

  start(
    command: string[],
    environment: Record<string, string>,
    folder: string,
    handlers: ProcessHandlers,
  ): RemoteProcess {
    const id = this.next++
    this.processes.set(id, { handlers })
    this.tell({ do: 'start', id, command, environment, folder })
    return { signal: (signal) => this.tell({ do: 'signal', id, signal }) }
  }

  /** Lets the agent end; it ends what it still has. */
  close(): void {
    this.closed = true
    this.child.stdin!.end()
    const timer = setTimeout(() => this.discard(), this.lost ? 0 : PATIENCE)
    this.child.once('exit', () => {
      clearTimeout(timer)
      this.discard()
    })
  }

  /** Ends ssh, and what it has started, and waits for no pipe that somebody else holds open. */
  private discard(): void {
    const { pid, stdin, stdout, stderr } = this.child
    if (pid !== undefined) signalGroup(pid, 'SIGKILL')
    for (const pipe of [stdin, stdout, stderr]) pipe!.destroy()
  }

  private tell(message: ToAgent): void {
    if (!this.lost && !this.closed) this.child.stdin!.write(lineOf(message))
  }

  private hear(message: FromAgent): void {
    if (message.say === 'hello') return
    const entry = this.processes.get(message.id)
    if (!entry) return
    if (message.say === 'output') entry.handlers.onOutput(message.stream, Buffer.from(message.bytes, 'latin1'))
    else if (message.say === 'exit') {
      entry.exit = message
      entry.handlers.onDeath?.(message)
    } else {
      this.processes.delete(message.id)
      entry.handlers.onExit(entry.exit!)
    }
  }

  /** The agent, or ssh, has ended. What it said before is still heard. */
  private onEnd(): void {
    const { stdout } = this.child
    const lost = () => {
      clearTimeout(timer)
      this.onLost()
    }
    const timer = setTimeout(lost, stdout!.readableEnded ? 0 : 500)
    stdout!.once('end', lost)
  }

  /** Its processes' groups are ended there. */
  private onLost(): void {
    this.lost = true
    const left = [...this.processes.values()]
    this.processes.clear()
    if (this.closed) return
    const said = gist(this.complaints)
    const lost: Exit = {
      code: 1,
      signal: null,
      problem: `was lost: hvdrun's agent on ${this.host} has died${said && ` (${said})`}`,
    }
    for (const { handlers, exit } of left) {
      if (!exit) handlers.onDeath?.(lost)
      handlers.onExit(exit ?? lost)
    }
  }
}

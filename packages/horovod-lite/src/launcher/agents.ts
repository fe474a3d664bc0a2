import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { fileOf } from '../files'
import { isLocal } from './hosts'
import { type FromAgent, messages, type ToAgent } from './protocol'

export interface AgentOptions {
  /** Default `ssh`. It is called with its own options, the host, and one shell command. */
  sshCommand: string
  sshPort?: number
  sshIdentityFile?: string
  startTimeoutSeconds: number
}

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  /** Where it could not be started. */
  problem?: string
}

export interface ProcessHandlers {
  onOutput(stream: 'stdout' | 'stderr', text: string): void
  /** Once, also where the agent is lost. */
  onExit(exit: Exit): void
}

/** A process that an agent has started. */
export interface RemoteProcess {
  signal(signal: NodeJS.Signals): void
}

interface Entry {
  handlers: ProcessHandlers
  pid?: number
}

/** hvdrun's hand on a host: an agent there, whose stdin is its life line. */
export class Agent {
  private readonly processes = new Map<number, Entry>()
  private next = 0
  private stderr = ''
  /** It has died, and can start nothing. */
  lost = false

  private constructor(
    readonly host: string,
    private readonly options: AgentOptions,
    private readonly child: ChildProcess,
  ) {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-2000)
    })
    child.stdin!.on('error', () => {}) // it is gone: its exit tells
  }

  /** @throws where the host cannot be reached in time, with ssh's own words */
  static open(host: string, options: AgentOptions): Promise<Agent> {
    const [program, ...args] = commandFor(host, options, agentCommand())
    // Out of the terminal's process group: Ctrl-C is hvdrun's to pass on.
    const child = spawn(program!, args, { stdio: 'pipe', detached: true })
    const agent = new Agent(host, options, child)
    return new Promise((resolve, reject) => {
      const failed = (what: string) => {
        clearTimeout(timer)
        child.kill('SIGKILL')
        const said = agent.stderr.trim().split('\n').at(-1)
        reject(
          new Error(
            `host ${host}: ${what}${said ? ` (${said})` : ''}; try: ${program} ${args.slice(0, -1).join(' ')} true`,
          ),
        )
      }
      const timer = setTimeout(
        () => failed(`no answer within ${options.startTimeoutSeconds} s`),
        options.startTimeoutSeconds * 1000,
      )
      child.once('error', ({ code }: NodeJS.ErrnoException) => failed(`cannot run ${program} (${code})`))
      child.once('exit', (code) => failed(`${program} ended with code ${code} before the agent had started`))
      messages<FromAgent>(child.stdout!, (message) => {
        if (message.say !== 'hello') return agent.hear(message)
        clearTimeout(timer)
        child.removeAllListeners('exit')
        child.once('exit', () => agent.onLost())
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
    this.child.stdin!.end()
  }

  private tell(message: ToAgent): void {
    if (!this.lost) this.child.stdin!.write(`${JSON.stringify(message)}\n`)
  }

  private hear(message: FromAgent): void {
    if (message.say === 'hello') return
    const entry = this.processes.get(message.id)
    if (!entry) return
    if (message.say === 'started') entry.pid = message.pid
    else if (message.say === 'output') entry.handlers.onOutput(message.stream, message.text)
    else {
      this.processes.delete(message.id)
      entry.handlers.onExit(message)
    }
  }

  /** The agent has died, and can end nothing any more: its processes' groups are ended from here. */
  private onLost(): void {
    this.lost = true
    const left = [...this.processes.values()]
    this.processes.clear()
    const groups = left.flatMap(({ pid }) => (pid ? [pid] : []))
    if (groups.length > 0) this.killGroups(groups)
    for (const { handlers } of left)
      handlers.onExit({ code: null, signal: 'SIGKILL', problem: `the agent on ${this.host} has died` })
  }

  private killGroups(groups: number[]): void {
    if (isLocal(this.host)) {
      for (const group of groups)
        try {
          process.kill(-group, 'SIGKILL')
        } catch {
          // it has ended
        }
      return
    }
    const [program, ...args] = commandFor(
      this.host,
      this.options,
      `kill -9 ${groups.map((group) => `-${group}`).join(' ')}`,
    )
    spawn(program!, args, { stdio: 'ignore' }).on('error', () => {})
  }
}

const agentCommand = () => `exec ${quote(process.execPath)} ${quote(fileURLToPath(fileOf('agent')))}`

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`

/** Runs a shell command on a host. */
function commandFor(host: string, { sshCommand, sshPort, sshIdentityFile }: AgentOptions, command: string): string[] {
  if (isLocal(host)) return ['/bin/sh', '-c', command]
  // A host that loses its power says nothing: ssh asks every 5 s, and ends without 3 answers.
  const settings = ['BatchMode=yes', 'StrictHostKeyChecking=accept-new', 'ServerAliveInterval=5']
  const options = sshCommand === 'ssh' ? settings.flatMap((setting) => ['-o', setting]) : []
  if (sshPort) options.push('-p', String(sshPort))
  if (sshIdentityFile) options.push('-i', sshIdentityFile)
  return [...sshCommand.split(' '), ...options, host, command]
}

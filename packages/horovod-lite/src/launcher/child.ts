import { type ChildProcess, spawn } from 'node:child_process'
import { groupLives, signalGroup } from './groups'
import { STREAMS, type Stream } from './protocol'

export interface ChildOptions {
  command: string[]
  folder: string
  environment: NodeJS.ProcessEnv
}

export interface ChildHandlers {
  onOutput(stream: Stream, bytes: Buffer): void
  /** At once; output may still come. */
  onExit(code: number | null, signal: NodeJS.Signals | null): void
  /** Nothing more will come. */
  onClose(): void
  /** It could not be started (`pid` is undefined): none of the others is called. */
  onProblem(problem: string): void
}

/** Milliseconds that what a process has started may outlive it. */
const AFTERLIFE = 500

/** Bytes that a process may have said last, and are read though nobody takes them: what its pipes hold. */
const LAST_WORDS = 1024 * 1024

/** A process in a group of its own, so that what it starts (as `npx` does) gets its signals, and ends with it. */
export class Child {
  private readonly process: ChildProcess
  /** The last signal that it was sent. */
  private told?: NodeJS.Signals
  private readonly held = new Set<Stream>()
  /** Bytes that are still read though they are held. */
  private afterwards = 0

  constructor({ command, folder, environment }: ChildOptions, handlers: ChildHandlers) {
    const [program, ...args] = command as [string]
    const child = spawn(program, args, {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.process = child
    child.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return // a signal that could not be sent
      handlers.onProblem(
        code === 'ENOENT'
          ? `the command ${program} was not found in ${folder} or PATH`
          : `${program} cannot be run (${code})`,
      )
    })
    if (child.pid === undefined) return
    for (const stream of STREAMS)
      child[stream].on('data', (bytes: Buffer) => {
        this.afterwards -= bytes.length
        handlers.onOutput(stream, bytes)
        this.settle(stream)
      })
    let outlived: NodeJS.Timeout
    let obeyed = false // npx ends at once by the SIGTERM that what it has started is still to obey
    const destroyPipes = () => {
      if (obeyed) {
        obeyed = groupLives(this.pid!) // where not: what was said last is read until the next time
        outlived = setTimeout(destroyPipes, AFTERLIFE)
      } else for (const pipe of [child.stdout, child.stderr]) pipe.destroy()
    }
    child.once('exit', (code, signal) => {
      obeyed = signal === 'SIGTERM' && this.told === signal
      handlers.onExit(code, signal)
      this.afterwards = LAST_WORDS
      for (const stream of STREAMS) this.settle(stream)
      outlived = setTimeout(destroyPipes, AFTERLIFE) // what it started may live on and hold them open
    })
    child.once('close', () => {
      clearTimeout(outlived)
      this.signal('SIGKILL') // what lives on
      handlers.onClose()
    })
  }

  get pid(): number | undefined {
    return this.process.pid
  }

  /** To the whole group. */
  signal(signal: NodeJS.Signals): void {
    this.told = signal
    signalGroup(this.pid!, signal)
  }

  /** Whether it has to wait with what it says there. */
  hold(stream: Stream, held: boolean): void {
    if (held) this.held.add(stream)
    else this.held.delete(stream)
    this.settle(stream)
  }

  private settle(stream: Stream): void {
    const pipe = this.process[stream]!
    if (this.held.has(stream) && this.afterwards <= 0) pipe.pause()
    else pipe.resume()
  }
}

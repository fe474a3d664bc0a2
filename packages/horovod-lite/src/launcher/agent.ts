// Entry of the process that hvdrun has on each host: starts ranks there, passes on what they say, and ends them all when
// hvdrun is gone.
import { type ChildProcess, spawn } from 'node:child_process'
import { StringDecoder } from 'node:string_decoder'
import { type FromAgent, messages, type ToAgent } from './protocol'

/** Milliseconds between SIGTERM and SIGKILL where hvdrun is gone. */
const GRACE = 2000

const children = new Map<number, ChildProcess>()
let ending = false

const say = (message: FromAgent) => process.stdout.write(`${JSON.stringify(message)}\n`)

function start({ id, command, environment, folder }: Extract<ToAgent, { do: 'start' }>): void {
  const [program, ...args] = command as [string]
  const child = spawn(program, args, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that what it starts can be ended with it
  })
  let problem: string | undefined
  child.on('error', ({ code }: NodeJS.ErrnoException) => {
    problem =
      code === 'ENOENT'
        ? `the command ${program} was not found in ${folder} or PATH`
        : `cannot start ${program} (${code})`
    if (child.pid === undefined) say({ say: 'exit', id, code: 127, signal: null, problem })
  })
  if (child.pid === undefined) return
  children.set(id, child)
  say({ say: 'started', id, pid: child.pid })
  for (const stream of ['stdout', 'stderr'] as const) {
    const decoder = new StringDecoder('utf8')
    child[stream].on('data', (bytes: Buffer) => say({ say: 'output', id, stream, text: decoder.write(bytes) }))
    child[stream].on('end', () => {
      const text = decoder.end()
      if (text) say({ say: 'output', id, stream, text })
    })
  }
  child.on('exit', (code, signal) => {
    // What it started may live on, and hold its pipes open.
    setTimeout(() => {
      child.stdout.destroy()
      child.stderr.destroy()
    }, 500).unref()
    child.once('close', () => {
      kill(child, 'SIGKILL')
      children.delete(id)
      say({ say: 'exit', id, code, signal })
      if (ending && children.size === 0) process.exit()
    })
  })
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal)
  } catch {
    // the group is empty
  }
}

const killAll = (signal: NodeJS.Signals) => {
  for (const child of children.values()) kill(child, signal)
}

function end(): void {
  if (ending) return
  ending = true
  if (children.size === 0) process.exit()
  killAll('SIGTERM')
  setTimeout(() => {
    killAll('SIGKILL')
    process.exit()
  }, GRACE)
}

process.stdout.on('error', end)
process.stdin.on('end', end)
process.stdin.on('close', end)
for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) process.on(signal, end)

messages<ToAgent>(process.stdin, (message) => {
  if (message.do === 'start') start(message)
  else if (message.id === undefined) killAll(message.signal)
  else {
    const child = children.get(message.id)
    if (child) kill(child, message.signal)
  }
})
say({ say: 'hello', pid: process.pid })

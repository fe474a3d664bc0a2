// Entry of the process that hvdrun has on each host: starts processes there, passes on what they say, and ends them all
// when hvdrun is gone.
import { statSync } from 'node:fs'
import { version } from '../../package.json'
import { Child } from './child'
import { HOST_VARIABLES } from './hosts'
import { Keeper } from './keeper'
import { GRACE } from './patience'
import { type FromAgent, lineOf, messages, STREAMS, type Stream, type ToAgent } from './protocol'
import { SIGNALS } from './signals'

const children = new Map<number, Child>()
const keeper = new Keeper()
let ending = false

/** Streams that hvdrun has nobody to give to. */
const held = new Set<Stream>()
/** The way to hvdrun is slower than the processes. */
let behind = false

function say(message: FromAgent): void {
  if (process.stdout.write(lineOf(message)) || behind) return
  behind = true
  holdAll()
}
process.stdout.on('drain', () => {
  behind = false
  holdAll()
})

const holdAll = () => {
  for (const child of children.values()) hold(child)
}
const hold = (child: Child) => {
  for (const stream of STREAMS) child.hold(stream, behind || held.has(stream))
}

function start({ id, command, environment, folder }: Extract<ToAgent, { do: 'start' }>): void {
  const ended = () => {
    const { pid } = children.get(id) ?? {}
    if (pid !== undefined) keeper.delete(pid)
    children.delete(id)
    say({ say: 'closed', id })
    if (ending && children.size === 0) process.exit()
  }
  const notStarted = (problem: string) => {
    say({ say: 'exit', id, code: 127, signal: null, problem: `did not run: ${problem}` })
    ended()
  }
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    notStarted(`the folder ${folder} is not there; start hvdrun in one that all hosts have`)
    return
  }
  // undefined: not there, also where hvdrun's host has one
  const own = Object.fromEntries(HOST_VARIABLES.map((name) => [name, process.env[name]]))
  const child = new Child(
    { command, folder, environment: { ...environment, ...own } },
    {
      onOutput: (stream, bytes) => say({ say: 'output', id, stream, bytes: bytes.toString('latin1') }),
      onExit: (code, signal) => say({ say: 'exit', id, code, signal }),
      onClose: ended,
      onProblem: notStarted,
    },
  )
  if (child.pid === undefined) return
  children.set(id, child)
  keeper.add(child.pid)
  hold(child)
}

const signalAll = (signal: NodeJS.Signals) => {
  for (const child of children.values()) child.signal(signal)
}

function end(): void {
  if (ending) return
  ending = true
  if (children.size === 0) process.exit()
  signalAll('SIGTERM')
  setTimeout(() => {
    signalAll('SIGKILL')
    process.exit()
  }, GRACE)
}

process.stdout.on('error', end)
process.stdin.on('end', end)
process.stdin.on('close', end)
for (const signal of SIGNALS) process.on(signal, end)

messages<ToAgent>(process.stdin, (message) => {
  if (message.do === 'start') start(message)
  else if (message.do === 'hold') {
    if (message.held) held.add(message.stream)
    else held.delete(message.stream)
    holdAll()
  } else children.get(message.id)?.signal(message.signal)
})
say({ say: 'hello', version, node: process.version, seenFrom: process.env.SSH_CONNECTION?.split(' ')[0] })

// hvdrun and its agents speak JSON, a message a line, over the agent's stdin and stdout.

/** hvdrun → agent. */
export type ToAgent =
  | { do: 'start'; id: number; command: string[]; environment: Record<string, string>; folder: string }
  /** To the process group of one. */
  | { do: 'signal'; id: number; signal: NodeJS.Signals }
  /** Whether all processes are to wait with what they say there. Messages go on. */
  | { do: 'hold'; stream: Stream; held: boolean }

/** Agent → hvdrun. */
export type FromAgent =
  /** `node`: its version. `seenFrom`: from which address ssh has come. */
  | { say: 'hello'; version: string; node: string; seenFrom?: string }
  /** `bytes` as latin1: a character of several bytes may be cut. */
  | { say: 'output'; id: number; stream: Stream; bytes: string }
  /** At once when it has ended; its output may still come. `problem`: it could not be started. */
  | { say: 'exit'; id: number; code: number | null; signal: NodeJS.Signals | null; problem?: string }
  /** It has ended, and has said everything. */
  | { say: 'closed'; id: number }

export const STREAMS = ['stdout', 'stderr'] as const
export type Stream = (typeof STREAMS)[number]

/** A message as it travels. It begins a line of its own, whatever a shell has printed before. */
export const lineOf = (message: ToAgent | FromAgent): string => `\n${JSON.stringify(message)}\n`

/** Cuts a stream into its messages. Lines that are none (a shell's greeting) are left out. */
export function messages<T extends ToAgent | FromAgent>(
  stream: NodeJS.ReadableStream,
  take: (message: T) => void,
): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const message = parsed(line)
      if (message) take(message as T)
    }
  })
}

function parsed(line: string): object | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

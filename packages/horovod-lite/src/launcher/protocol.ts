// hvdrun and its agents speak JSON, a message a line, over the agent's stdin and stdout.

/** hvdrun → agent. */
export type ToAgent =
  | { do: 'start'; id: number; command: string[]; environment: Record<string, string>; folder: string }
  /** To the process groups of one, or of all. */
  | { do: 'signal'; id?: number; signal: NodeJS.Signals }

/** Agent → hvdrun. */
export type FromAgent =
  | { say: 'hello'; pid: number }
  | { say: 'started'; id: number; pid: number }
  | { say: 'output'; id: number; stream: 'stdout' | 'stderr'; text: string }
  | { say: 'exit'; id: number; code: number | null; signal: NodeJS.Signals | null; problem?: string }

/** Cuts a stream into its messages. */
export function messages<T>(stream: NodeJS.ReadableStream, take: (message: T) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) if (line) take(JSON.parse(line) as T)
  })
}

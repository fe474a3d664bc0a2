import { stripVTControlCharacters } from 'node:util'
import { flow } from './flow'
import type { Stream } from './protocol'

/** Milliseconds until an unfinished line is shown: most are finished by then. */
const SOON = 50
/** Characters of an unfinished line that are looked at; no terminal shows more. */
const LONGEST = 10_000
const CLEAR = '\r\u001b[K'

/**
 * Where hvdrun writes: whole lines. On a terminal the unfinished line of the lowest rank that has one (a progress bar)
 * stands below them and is written over.
 */
class Screen {
  private readonly unfinished = new Map<object, { rank: number; stream: Stream; text: string }>()
  private shown?: Stream
  private timer?: NodeJS.Timeout

  line(stream: Stream, text: string): void {
    this.clear()
    process[stream].write(`${text}\n`)
    flow.wrote(stream, process[stream])
    this.showSoon()
  }

  /** Whether unfinished lines are shown there. */
  isLive(stream: Stream): boolean {
    return process[stream].isTTY === true
  }

  /** What `owner` has not ended yet; '' where there is nothing. */
  progress(owner: object, rank: number, stream: Stream, text: string): void {
    if (text) this.unfinished.set(owner, { rank, stream, text })
    else if (!this.unfinished.delete(owner)) return
    this.showSoon()
  }

  private showSoon(): void {
    if (this.unfinished.size === 0 && !this.shown) return
    this.timer ??= setTimeout(() => this.show(), SOON).unref()
  }

  private show(): void {
    this.timer = undefined
    this.clear()
    const [first] = [...this.unfinished.values()].sort((a, b) => a.rank - b.rank)
    if (!first) return
    process[first.stream].write(fitting(first.text, widthOf(first.stream)))
    this.shown = first.stream
  }

  private clear(): void {
    if (this.shown) process[this.shown].write(CLEAR)
    this.shown = undefined
  }
}

/** Columns of a terminal; some do not know. */
export const widthOf = (stream: Stream): number => process[stream].columns || 80

/** A line that is wider than the terminal could not be written over, nor one that Ctrl-C makes wider: `^C` is written behind it. */
function fitting(text: string, columns: number): string {
  const most = columns - '^C'.length - 1
  const start = text.slice(0, LONGEST)
  const plain = stripVTControlCharacters(start)
  return plain.length <= most && start === text ? text : plain.slice(0, most)
}

export const screen = new Screen()

/** A line of hvdrun's own. */
export const say = (line: string): void => screen.line('stderr', `hvdrun: ${line}`)

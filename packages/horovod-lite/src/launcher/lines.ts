// What begins with the control character ESC, for a terminal:
/** "Erase line". */
const ERASE = '\u001b[2K'
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: it is looked for
/** "Erase what is right of the cursor", where nothing is. */
const ERASE_RIGHT = /\u001b\[0?K/g
/** A command whose end is to come. */
const BEGUN = /\u001b(\[[\d;?]{0,30})?$/
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: it is looked for

/**
 * Puts lines together from a stream's pieces. Of a line that is written over (`10%\r20%`) the last state counts. Only a
 * new piece is looked at, never the whole line, which may be long.
 */
export class LineBuffer {
  /** The line that has not ended, as far as it can be shown. */
  unfinished = ''
  /** A command behind it that has only begun. */
  private begun = ''
  /** The next text writes over it. */
  private returned = false

  /** @param longest characters; a line that is longer is cut, so that memory is bounded */
  constructor(private readonly longest = 2 ** 26) {}

  /** @returns the lines that this piece ends */
  push(text: string): string[] {
    const parts = text.split('\n')
    const last = parts.pop()!
    const lines = parts.map((part) => {
      this.add(part)
      return this.take()
    })
    this.add(last)
    if (this.unfinished.length > this.longest) lines.push(this.take())
    return lines
  }

  private add(part: string): void {
    const states = part.split('\r')
    const at = states.findLastIndex(Boolean)
    if (at >= 0) {
      if (this.returned || at > 0) this.clear()
      this.append(states[at]!)
      this.returned = false
    }
    this.returned ||= states.length - 1 > Math.max(at, 0)
  }

  private append(piece: string): void {
    const text = this.begun + piece
    const erased = text.lastIndexOf(ERASE)
    if (erased >= 0) this.clear()
    const seen = text.slice(erased < 0 ? 0 : erased + ERASE.length).replaceAll(ERASE_RIGHT, '')
    const [begun] = BEGUN.exec(seen.slice(-40)) ?? ['']
    this.begun = begun
    this.unfinished += seen.slice(0, seen.length - begun.length)
  }

  private take(): string {
    const line = this.unfinished + this.begun
    this.clear()
    this.returned = false
    return line
  }

  private clear(): void {
    this.unfinished = ''
    this.begun = ''
  }
}

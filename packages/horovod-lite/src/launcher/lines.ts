// What begins with the control character ESC, for a terminal:
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: it is looked for
/** "Erase line" and "erase what is right of the cursor". */
const ERASED = /^.*\u001b\[2K|\u001b\[0?K/g
/** A command whose end is to come. */
const BEGUN = /\u001b(\[[\d;?]*)?$/
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: it is looked for

/** Puts lines together from a stream's pieces. Of a line that is written over (`10%\r20%`) the last state counts. */
export class LineBuffer {
  private rest = ''
  /** The next text writes over `rest`. */
  private returned = false

  /** @returns the lines that this piece ends */
  push(text: string): string[] {
    const parts = text.split('\n')
    const last = parts.pop()!
    const lines = parts.map((part) => {
      this.add(part)
      return this.take()
    })
    this.add(last)
    return lines
  }

  /** The line that has not ended, as far as it can be shown. */
  get unfinished(): string {
    return this.rest.replace(BEGUN, '')
  }

  private add(part: string): void {
    const states = part.split('\r')
    const at = states.findLastIndex(Boolean)
    if (at >= 0) {
      const whole = this.returned || at > 0 ? states[at]! : this.rest + states[at]
      this.rest = whole.replaceAll(ERASED, '')
      this.returned = false
    }
    this.returned ||= states.length - 1 > Math.max(at, 0)
  }

  private take(): string {
    const line = this.rest
    this.rest = ''
    this.returned = false
    return line
  }
}

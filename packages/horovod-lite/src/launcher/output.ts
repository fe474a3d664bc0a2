import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { createColors } from 'picocolors'

export interface OutputOptions {
  /** Each rank's output also in files here: rank.0/stdout, rank.0/stderr. */
  folder?: string
  timestamps: boolean
  quiet?: boolean
}

/** Lines that are kept of each rank, to be shown where it fails. */
const KEPT = 10
const COLORS = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red'] as const

/** What a rank prints, line by line, with its number before each: whole lines, never mixed. */
export class RankOutput {
  readonly lastLines: string[] = []
  private readonly rest = { stdout: '', stderr: '' }
  private readonly files?: Record<'stdout' | 'stderr', WriteStream>

  /** @throws where the folder cannot be made */
  constructor(
    /** Before each line. */
    public rank: number,
    private readonly options: OutputOptions,
    name = `rank.${rank}`,
  ) {
    if (!options.folder) return
    const folder = join(options.folder, name)
    try {
      mkdirSync(folder, { recursive: true })
    } catch (error) {
      throw new Error(
        `--output-filename: cannot make ${folder} (${(error as NodeJS.ErrnoException).code}); choose another folder`,
      )
    }
    const open = (name: string) => {
      const file = createWriteStream(join(folder, name))
      file.on('error', ({ code }: NodeJS.ErrnoException) => {
        process.stderr.write(`hvdrun: cannot write ${join(folder, name)} (${code}); the output goes on here\n`)
        file.destroy()
      })
      return file
    }
    this.files = { stdout: open('stdout'), stderr: open('stderr') }
  }

  write(stream: 'stdout' | 'stderr', text: string): void {
    const file = this.files?.[stream]
    if (file && !file.destroyed) file.write(text)
    const lines = (this.rest[stream] + text).split('\n')
    this.rest[stream] = lines.pop()!
    for (const line of lines) this.line(stream, line)
  }

  /** What is left without an end of line. */
  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.rest[stream]) this.line(stream, this.rest[stream])
      this.rest[stream] = ''
      this.files?.[stream].end()
    }
  }

  private line(stream: 'stdout' | 'stderr', raw: string): void {
    const line = raw.replace(/\r$/, '').replace(/^[^\n]*\r/, '') // what a terminal would show of a line written over
    if (line.trim()) this.lastLines.push(line)
    if (this.lastLines.length > KEPT) this.lastLines.shift()
    const to = process[stream]
    const colors = createColors(Boolean(to.isTTY))
    const color = colors[COLORS[this.rank % COLORS.length]!]
    const time = this.options.timestamps ? `${new Date().toISOString()} ` : ''
    to.write(`${time}${color(`[${this.rank}]<${stream}>:`)}${line}\n`)
  }
}

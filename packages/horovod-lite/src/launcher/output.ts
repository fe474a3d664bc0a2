import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { createColors } from 'picocolors'
import { flow } from './flow'
import { LineBuffer } from './lines'
import { type OutputOptions, tagOf, timeOf } from './prefix'
import { STREAMS, type Stream } from './protocol'
import { say, screen } from './screen'

/** Lines that are kept of each rank, to be shown where it fails. */
const KEPT = 20
const COLORS = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red'] as const

/** What a rank prints, line by line, with its number before each: whole lines, never mixed. */
export class RankOutput {
  readonly lastLines: string[] = []
  private readonly sources: Record<Stream, Source>

  /** @throws where the folder cannot be made */
  constructor(
    /** Before each line. */
    public rank: number,
    private readonly options: OutputOptions,
    name = `rank.${rank}`,
  ) {
    const files = options.folder === undefined ? undefined : openFiles(join(options.folder, name))
    this.sources = { stdout: new Source(files?.stdout), stderr: new Source(files?.stderr) }
  }

  write(stream: Stream, bytes: Uint8Array): void {
    const { file, decoder, lines } = this.sources[stream]
    if (file && !file.destroyed) {
      file.write(bytes)
      flow.wrote(stream, file)
    }
    for (const line of lines.push(decoder.write(bytes))) this.print(stream, line)
    if (screen.isLive(stream))
      screen.progress(lines, this.rank, stream, lines.unfinished && this.prefix(stream) + lines.unfinished)
  }

  /** Prints what is left without an end of line. */
  close(): void {
    for (const stream of STREAMS) {
      const { file, decoder, lines } = this.sources[stream]
      for (const line of lines.push(decoder.end())) this.print(stream, line)
      if (lines.unfinished) this.print(stream, lines.unfinished)
      screen.progress(lines, this.rank, stream, '')
      file?.end()
    }
  }

  private print(stream: Stream, line: string): void {
    if (line.trim()) this.lastLines.push(line)
    if (this.lastLines.length > KEPT) this.lastLines.shift()
    screen.line(stream, this.prefix(stream) + line)
  }

  private prefix(stream: Stream): string {
    const color = colors[stream][COLORS[this.rank % COLORS.length]!]
    return `${timeOf(this.options)}${color(tagOf(this.rank, stream))}`
  }
}

/** One of a rank's streams. */
class Source {
  readonly decoder = new StringDecoder('utf8')
  readonly lines = new LineBuffer()
  constructor(readonly file: WriteStream | undefined) {}
}

const colorsOf = (stream: Stream) => createColors(process[stream].isTTY === true && !process.env.NO_COLOR)
const colors = { stdout: colorsOf('stdout'), stderr: colorsOf('stderr') }

function openFiles(folder: string): Record<Stream, WriteStream> {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`--output-filename: cannot make ${folder} (${code}); choose another folder`)
  }
  const open = (stream: Stream) => {
    const file = createWriteStream(join(folder, stream))
    file.on('error', ({ code }: NodeJS.ErrnoException) => {
      say(`cannot write ${join(folder, stream)} (${code}); the output goes on here`)
      file.destroy()
    })
    return file
  }
  return { stdout: open('stdout'), stderr: open('stderr') }
}

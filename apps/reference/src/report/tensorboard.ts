import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../files'
import { eventType } from './events-proto'
import { frame } from './record'

const flushBytes = 1 << 20

/**
 * Writes a TensorBoard event file, `events.out.tfevents.<seconds>.unet-industrial.<n>`, into a folder.
 *
 * Each writer makes a new file, and TensorBoard joins the files of a folder: a resumed run opens another writer.
 * Records lie in memory until `flush()`, `close()` or the next megabyte. Errors of the file system are thrown as they are.
 */
export class EventWriter {
  readonly path: string
  private readonly file: number
  private pending: Uint8Array[] = []
  private pendingBytes = 0

  /**
   * @param directory made when it does not exist
   * @param resumedAt the step a run resumes at: TensorBoard then drops what an earlier file says of this step and later ones
   */
  constructor(directory: string, resumedAt?: number) {
    makeFolder(directory)
    ;({ path: this.path, file: this.file } = create(directory))
    this.write(0, { file_version: 'brain.Event:2' })
    if (resumedAt !== undefined) this.write(resumedAt, { session_log: { status: 1 } })
    this.flush()
  }

  /** A number at a step. */
  scalar(tag: string, value: number, step: number): void {
    this.write(step, { summary: { value: [{ tag, simple_value: value }] } })
  }

  /** A PNG at a step; width and height in pixels, colours as in the PNG. */
  image(tag: string, png: Uint8Array, width: number, height: number, step: number): void {
    const image = { height, width, colorspace: channelsOf(png), encoded_image_string: png }
    this.write(step, { summary: { value: [{ tag, image }] } })
  }

  flush(): void {
    const bytes = Buffer.concat(this.pending)
    this.pending = []
    this.pendingBytes = 0
    for (let written = 0; written < bytes.length; ) written += writeSync(this.file, bytes, written)
  }

  close(): void {
    this.flush()
    closeSync(this.file)
  }

  private write(step: number, what: object): void {
    const record = frame(eventType.encode({ wall_time: Date.now() / 1000, step, ...what }).finish())
    this.pending.push(record)
    this.pendingBytes += record.length
    if (this.pendingBytes >= flushBytes) this.flush()
  }
}

/** Opens a file that did not exist. TensorBoard reads files in the order of their names, so a second one in a second counts up. */
function create(directory: string): { path: string; file: number } {
  const seconds = Math.floor(Date.now() / 1000)
  for (let n = 0; ; n++) {
    const path = join(directory, `events.out.tfevents.${seconds}.unet-industrial.${n}`)
    try {
      return { path, file: openSync(path, 'wx') }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** The number of channels that a PNG's header (byte 25: colour type) declares. */
const channelsOf = (png: Uint8Array) => ({ 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 })[png[25]!] ?? 1

import { closeSync, openSync, writeSync } from 'node:fs'

const END = '\n]\n'

/**
 * A file with a JSON array that grows. It is whole whenever nothing is being written, so that a crash leaves a file
 * that opens. What is added within one turn of the event loop is written together.
 */
export class TraceFile {
  private file: number | undefined
  private end = 0
  private text = '['
  private waiting?: NodeJS.Immediate

  /**
   * @param onLost the disk is full, or the like: nothing more will be written
   * @throws where the file cannot be written
   */
  constructor(
    path: string,
    private readonly onLost: (reason: string) => void,
  ) {
    this.file = openSync(path, 'w')
    this.append()
  }

  add(event: object): void {
    if (this.file === undefined) return
    this.text += `${this.end + this.text.length === 1 ? '\n' : ',\n'}${JSON.stringify(event)}`
    this.waiting ??= setImmediate(() => this.write())
  }

  close(): void {
    this.write()
    this.release()
  }

  private release(): void {
    const { file } = this
    this.file = undefined
    try {
      if (file !== undefined) closeSync(file)
    } catch {
      // it cannot be written any more, as was told
    }
  }

  private write(): void {
    clearImmediate(this.waiting)
    this.waiting = undefined
    try {
      this.append()
    } catch (error) {
      this.release()
      this.onLost((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }

  private append(): void {
    if (this.file === undefined) return
    const bytes = Buffer.from(this.text + END)
    this.text = ''
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at, this.end + at)
    this.end += bytes.length - END.length
  }
}

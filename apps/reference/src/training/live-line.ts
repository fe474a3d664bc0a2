/**
 * Columns that a line which is written over may have: of a terminal, or of hvdrun's, which shows such a line of a process
 * that writes into a pipe. 0 where nobody would see it move; mpirun's terminals have no columns, and may end in a file.
 */
export function columnsOf(stream: NodeJS.WriteStream): number {
  const name = stream === process.stderr ? 'HOROVOD_STDERR_COLUMNS' : 'HOROVOD_STDOUT_COLUMNS'
  return (stream.isTTY && stream.columns) || Number(process.env[name]) || 0
}

/**
 * The `terminal` of a bar of cli-progress: one line, written over by carriage returns. Its own moves a cursor, which
 * is beyond hvdrun, and restores its place, which is another one after lines were said above the bar.
 */
export class LiveLine {
  constructor(private readonly stream: NodeJS.WriteStream) {}

  isTTY = () => true
  getWidth = () => columnsOf(this.stream)
  /** What is wider could not be written over, nor what Ctrl-C makes wider: `^C` is written behind it. */
  write = (text: string) => this.stream.write(text.slice(0, this.getWidth() - '^C'.length - 1))
  cursorTo = () => this.stream.write('\r')
  clearRight = () => this.stream.write('\u001b[K')
  clearLine = this.clearRight
  newline = () => this.stream.write('\n')
  cursor() {}
  cursorSave() {}
  cursorRestore() {}
  lineWrapping() {}
}

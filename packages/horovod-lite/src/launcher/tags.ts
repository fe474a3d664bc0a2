/** `[1,3]<stdout>:` before what rank 3 says. Open MPI 5 names the job (`[prterun-host-12@1,3]`) and adds a space. */
const TAG = /\[(\w[^[\]\n]{0,100}),(\d+)\]<(?:stdout|stderr|stddiag)>:/y
/** What may become one when more comes. */
const BEGUN = /^\[[^[\]\n]{0,110}(?:\](?:<[a-z]{0,7}>?)?)?$/

/**
 * Cuts what `mpirun --tag-output` prints. There is a tag at the beginning of each line of a rank, and within a line where
 * its bytes have come in several pieces, or where another rank's go on. Lines without a tag are mpirun's own.
 */
export class TagCutter {
  private rest = ''
  /** Whose bytes come now; null: mpirun's. */
  private rank: number | null = null
  private atStart = true
  /** The tag's own space is to come. */
  private spaced = false

  constructor(private readonly give: (rank: number | null, bytes: Buffer) => void) {}

  push(bytes: Uint8Array): void {
    const text = this.rest + Buffer.from(bytes).toString('latin1')
    this.rest = ''
    for (let from = 0; from < text.length; ) {
      if (text[from] === '[' && BEGUN.test(text.slice(from, from + 120)) && text.length - from < 120) {
        this.rest = text.slice(from)
        return
      }
      from = this.tag(text, from)
      const end = endOfPiece(text, from)
      this.pass(text.slice(from, end))
      from = end
    }
  }

  end(): void {
    this.pass(this.rest)
    this.rest = ''
  }

  /** @returns where what follows the tag begins; `from` where there is none */
  private tag(text: string, from: number): number {
    TAG.lastIndex = from
    const match = TAG.exec(text)
    if (!match) {
      if (this.atStart) this.rank = null
      return from
    }
    this.rank = Number(match[2])
    this.spaced = match[1]!.includes('@')
    this.atStart = false
    return from + match[0].length
  }

  private pass(piece: string): void {
    if (!piece) return
    const own = this.spaced ? piece.replace(/^ /, '') : piece
    this.spaced = false
    this.give(this.rank, Buffer.from(own, 'latin1'))
    this.atStart = piece.endsWith('\n')
  }
}

/** After the next end of line, or before the next bracket that may begin a tag. */
function endOfPiece(text: string, from: number): number {
  const bracket = text.indexOf('[', text[from] === '[' ? from + 1 : from)
  const newline = text.indexOf('\n', from)
  const ends = [bracket, newline < 0 ? -1 : newline + 1].filter((end) => end >= 0)
  return Math.min(text.length, ...ends)
}

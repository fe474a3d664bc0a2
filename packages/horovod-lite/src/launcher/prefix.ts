// What stands before each line of a rank.
import type { Stream } from './protocol'
import { widthOf } from './screen'

export interface OutputOptions {
  /** Each rank's output also in files here: rank.0/stdout, rank.0/stderr. */
  folder?: string
  timestamps: boolean
}

export const tagOf = (rank: number, stream: Stream): string => `[${rank}]<${stream}>:`
export const timeOf = ({ timestamps }: Pick<OutputOptions, 'timestamps'>): string =>
  timestamps ? `${new Date().toISOString()} ` : ''

/**
 * Columns that a rank's line may have on hvdrun's terminal, behind what stands before it; undefined where there is no
 * terminal, or files that a line which is written over (a progress bar) would fill.
 *
 * @param size of the world
 */
export function columnsFor(stream: Stream, size: number, options: OutputOptions): number | undefined {
  if (!process[stream].isTTY || options.folder !== undefined) return undefined
  return Math.max(1, widthOf(stream) - `${timeOf(options)}${tagOf(size - 1, stream)}`.length)
}

import type * as tf from '@tensorflow/tfjs-core'
import type * as hvd from '@unet-industrial/horovod-lite'

/** Where a case runs. */
export interface Place {
  size: number
  /** `local` in a world of one. */
  transport: string
}

/** What a case is given, in every rank. */
export interface World extends Place {
  tf: typeof tf
  hvd: typeof hvd
  rank: number
  /** 0 … size − 1. */
  ranks: number[]
}

export interface Case {
  /** Throws where something is wrong. What it returns is compared between transports that promise the same bits. */
  run(world: World): unknown
  /** Why it cannot run there. */
  except?(place: Place): string | undefined
  /** Why it leaves tensors behind; others may not. */
  leaves?: string
}

export type Cases = Record<string, Case['run'] | Case>

/** Cases that one rank alone cannot have. */
export const manyRanks = (run: Case['run']): Case => ({
  run,
  except: ({ size }) => (size < 2 ? 'needs more than one rank' : undefined),
})

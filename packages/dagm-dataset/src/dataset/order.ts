import { hash, permutation, stream } from '../random'
import type { Transform } from '../raster/transform'

/** A place in the endless run of epochs. */
export interface Place {
  epoch: number
  /** 0 … size − 1. */
  position: number
}

/** Which sample comes at each place, a function of (seed, epoch, position) alone. */
export class Order {
  #epoch = -1
  #permutation: Uint32Array = new Uint32Array()

  constructor(
    readonly size: number,
    readonly seed: number,
    readonly shuffle: boolean,
  ) {}

  at({ epoch, position }: Place): number {
    if (!this.shuffle) return position
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#permutation = permutation(this.size, stream(this.seed, epoch))
    }
    return this.#permutation[position]!
  }

  /** The place after some more samples. */
  after({ epoch, position }: Place, count: number): Place {
    const total = position + count
    return { epoch: epoch + Math.floor(total / this.size), position: total % this.size }
  }
}

/** The augmentation at a place: flip with probability 1/2 and any of 4 quarter turns; half turns where width ≠ height. */
export function augmentation(seed: number, { epoch, position }: Place, square: boolean): Transform {
  const bits = hash(seed, epoch, position, 0x617567)
  return { flip: (bits & 1) === 1, quarterTurns: square ? (bits >>> 1) & 3 : (bits >>> 1) & 2 }
}

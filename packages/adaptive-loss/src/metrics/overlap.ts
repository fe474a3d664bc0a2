/** How much the prediction and the mask of one image agree at one threshold. */
export interface Overlap {
  /** (2·|A∩B| + ε) / (|A| + |B| + ε), ε = 1e-5: what the reference calls its IoU. */
  dice: number
  /** (|A∩B| + ε) / (|A∪B| + ε). */
  iou: number
}

const EPSILON = 1e-5

/**
 * Dice and IoU of two sets of pixels. Both empty give 1.
 *
 * @param both |A∩B|, in pixels, as the others
 * @param predicted |A|
 * @param labelled |B|
 */
export const overlap = (both: number, predicted: number, labelled: number): Overlap => ({
  dice: (2 * both + EPSILON) / (predicted + labelled + EPSILON),
  iou: (both + EPSILON) / (predicted + labelled - both + EPSILON),
})

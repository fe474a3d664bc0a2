import { type AdaptiveLoss, adaptiveLoss } from './adaptive'
import { sigmoidCrossEntropy } from './cross-entropy'
import { diceLoss } from './dice'
import { l2Loss } from './l2'
import type { LossFunction } from './types'

const losses = {
  adaptive_loss: adaptiveLoss(),
  'x-entropy': sigmoidCrossEntropy,
  l2_loss: l2Loss,
  dice_sorensen: (label, logits) => diceLoss(label, logits),
  dice_jaccard: (label, logits) => diceLoss(label, logits, { form: 'jaccard' }),
} satisfies Record<string, LossFunction>

/** A value of the reference's `--loss_fn_name`. */
export type LossName = keyof typeof losses

/** All of them. */
export const lossNames = Object.keys(losses) as LossName[]

/** The loss that the reference's `--loss_fn_name` selects, with its defaults. */
export function lossByName(name: 'adaptive_loss'): AdaptiveLoss
export function lossByName(name: LossName): LossFunction
export function lossByName(name: LossName): LossFunction {
  if (!Object.hasOwn(losses, name))
    throw new Error(`loss '${name}' is unknown; expected one of ${lossNames.join(', ')}`)
  return losses[name]
}

/**
 * Area under the ROC curve: the chance that a defective image scores above a clean one, a tie counting half
 * (scikit-learn's `roc_auc_score`). null where only one of the two kinds is present.
 *
 * @param scores any finite numbers, the higher the more defective
 * @param defective of each score's image
 */
export function auroc(scores: readonly number[], defective: readonly boolean[]): number | null {
  let [positives, negatives, area] = [0, 0, 0]
  for (const tie of ties(scores, defective)) {
    area += tie.negatives * (positives + tie.positives / 2)
    positives += tie.positives
    negatives += tie.negatives
  }
  return positives && negatives ? area / (positives * negatives) : null
}

/**
 * Average precision: Σ (recall − the recall before) · precision over the distinct scores, from the highest
 * (scikit-learn's `average_precision_score`). null where only one of the two kinds is present.
 *
 * @param scores any finite numbers, the higher the more defective
 * @param defective of each score's image
 */
export function averagePrecision(scores: readonly number[], defective: readonly boolean[]): number | null {
  let [positives, negatives, sum] = [0, 0, 0]
  for (const tie of ties(scores, defective)) {
    positives += tie.positives
    negatives += tie.negatives
    sum += tie.positives * (positives / (positives + negatives))
  }
  return positives && negatives ? sum / positives : null
}

/** How many defective and clean images share each distinct score, from the highest score to the lowest. */
function ties(scores: readonly number[], defective: readonly boolean[]) {
  if (scores.length !== defective.length)
    throw new Error(`got ${scores.length} scores and ${defective.length} labels; expected one label a score`)
  const counts = new Map<number, { positives: number; negatives: number }>()
  scores.forEach((score, i) => {
    if (Number.isNaN(score)) throw new Error(`score ${i} is NaN; expected a number`)
    const tie = counts.get(score) ?? { positives: 0, negatives: 0 }
    tie[defective[i] ? 'positives' : 'negatives']++
    counts.set(score, tie)
  })
  return [...counts.entries()].sort(([a], [b]) => b - a).map(([, tie]) => tie)
}

/** NVIDIA's published results of one class: FP32, one GPU, threshold 0.75, all test images. */
export interface PublishedResult {
  /** What the reference prints as IoU and computes as dice. */
  dice: number
  /** Shares of defective images found and of clean images passed, in [0, 1]. */
  tpr: number
  tnr: number
}

export const publishedThreshold = 0.75

const dice = [0.968, 0.976, 0.979, 0.965, 0.992, 0.982, 0.98, 0.97, 0.988, 0.979]
const tprPercent = [100, 100, 100, 100, 100, 100, 100, 100, 99.82, 100]
const tnrPercent = [97.88, 99.62, 99.64, 97.43, 99.88, 98.78, 99.58, 99.85, 99.81, 99.43]

/** The published results of a DAGM class, 1 to 10. */
export function publishedResult(classId: number): PublishedResult {
  const [d, tpr, tnr] = [dice, tprPercent, tnrPercent].map((column) => column[classId - 1])
  if (d === undefined) throw new Error(`got class ${classId}; expected one of 1 to 10`)
  return { dice: d, tpr: tpr! / 100, tnr: tnr! / 100 }
}

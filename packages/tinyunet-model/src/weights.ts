/** A named shape, of a variable or of what a file offers for it. */
interface Shaped {
  shape: readonly number[]
  dtype?: string
}

/** Throws unless `weights` has exactly the variables of `specs`, of their shapes and in float32. Names the first that is wrong. */
export function checkWeights(specs: readonly (Shaped & { name: string })[], weights: Record<string, Shaped>): void {
  const given = new Map(Object.entries(weights))
  for (const { name, shape } of specs) {
    const weight = given.get(name)
    if (!weight)
      throw new Error(
        `variable ${name} of shape [${shape}] is missing: the weights are of another model, variant or activation`,
      )
    if (String(weight.shape) !== String(shape))
      throw new Error(
        `variable ${name}: got shape [${weight.shape}], expected [${shape}]; check variant and activation`,
      )
    if (weight.dtype !== undefined && weight.dtype !== 'float32')
      throw new Error(`variable ${name}: got dtype ${weight.dtype}, expected float32`)
    given.delete(name)
  }
  const [unknown] = given.keys()
  if (unknown !== undefined) {
    const shape = given.get(unknown)!.shape
    throw new Error(
      `got a variable ${unknown} of shape [${shape}] that the model does not have; check variant and activation`,
    )
  }
}

/** How far a value may be from what is wanted: `absolute + relative * |want|`, or `relative * relative_to`. */
export interface Tolerance {
  relative: number
  absolute?: number
  relative_to?: number
}

/** Throws at the first value beyond the tolerance, naming where, both values and by how much it misses. */
export function expectClose(
  got: ArrayLike<number> | number,
  want: ArrayLike<number> | number,
  { relative, absolute = 0, relative_to }: Tolerance,
  what = 'value',
): void {
  const gots = typeof got === 'number' ? [got] : got
  const wants = typeof want === 'number' ? [want] : want
  if (gots.length !== wants.length) throw new Error(`${what}: got ${gots.length} values, expected ${wants.length}`)
  for (let i = 0; i < wants.length; i++) {
    const [g, w] = [gots[i]!, wants[i]!]
    const allowed = relative_to === undefined ? absolute + relative * Math.abs(w) : relative * relative_to
    const identical = Object.is(g, w) || g === w // infinities and NaN, which the difference below cannot tell
    if (!identical && !(Math.abs(g - w) <= allowed))
      throw new Error(`${what}[${i}]: got ${g}, expected ${w} ± ${allowed} (off by ${Math.abs(g - w)})`)
  }
}

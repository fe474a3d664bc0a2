/** A source of random choices that begins anew for each seed (mulberry32). */
export function randomOf(seed) {
  let state = seed | 0
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  /** An integer from `low` to `high`. */
  const int = (low, high) => low + Math.floor(unit() * (high - low + 1))
  const pick = (list) => list[int(0, list.length - 1)]
  const chance = (probability) => unit() < probability
  return { unit, int, pick, chance, times: (count, make) => Array.from({ length: count }, (_, i) => make(i)) }
}

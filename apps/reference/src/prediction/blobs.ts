/** A connected region of defective pixels. */
export interface Blob {
  /** Left and top of its bounding box, in pixels from the image's corner. */
  x: number
  y: number
  width: number
  height: number
  /** Pixels. */
  area: number
  /** Its highest probability. */
  score: number
}

/**
 * The connected regions, by sides or corners, of pixels whose probability is greater than the threshold; largest first.
 *
 * @param probability [height · width] in [0, 1], row-major
 */
export function findBlobs(probability: Float32Array, width: number, height: number, threshold: number): Blob[] {
  const seen = new Uint8Array(probability.length)
  const inside = (pixel: number) => probability[pixel]! > threshold && !seen[pixel]
  const blobs: Blob[] = []
  for (let start = 0; start < probability.length; start++) {
    if (!inside(start)) continue
    let [left, right, top, bottom, area, score] = [width, -1, height, -1, 0, 0]
    const frontier = [start]
    seen[start] = 1
    while (frontier.length) {
      const pixel = frontier.pop()!
      const [x, y] = [pixel % width, Math.floor(pixel / width)]
      ;[left, right] = [Math.min(left, x), Math.max(right, x)]
      ;[top, bottom] = [Math.min(top, y), Math.max(bottom, y)]
      area++
      score = Math.max(score, probability[pixel]!)
      for (let ny = Math.max(y - 1, 0); ny <= Math.min(y + 1, height - 1); ny++)
        for (let nx = Math.max(x - 1, 0); nx <= Math.min(x + 1, width - 1); nx++) {
          const neighbour = ny * width + nx
          if (!inside(neighbour)) continue
          seen[neighbour] = 1
          frontier.push(neighbour)
        }
    }
    blobs.push({ x: left, y: top, width: right - left + 1, height: bottom - top + 1, area, score })
  }
  return blobs.sort((a, b) => b.area - a.area)
}

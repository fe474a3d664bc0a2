// Numbers, and how they are written.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/** Three digits or more: 0.434, 5.27, 17.1, 1234. */
export const short = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** The median, and what lies between the extremes where there is more than one. */
export const spread = (values, write = short) =>
  values.length > 1
    ? `${write(median(values))} (${write(Math.min(...values))}–${write(Math.max(...values))})`
    : write(values[0])

export const gigabytes = (bytes) => (bytes / 1e9).toFixed(2)

/** `12 s`, `3 min 20 s`, `1 h 5 min` */
export function duration(seconds) {
  const whole = Math.max(Math.round(seconds), 1)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ''}`
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`
}

/** A table of Markdown, the columns behind the first to the right. */
export function table(header, rows) {
  const all = [header, ...rows].map((row) => row.map(String))
  const widths = header.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)))
  const rule = widths.map((width, column) => (column ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  const line = (row) =>
    `| ${row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  return [line(all[0]), line(rule), ...all.slice(1).map(line)].join('\n')
}

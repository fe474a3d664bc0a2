import { describe, expect, test } from 'vitest'
import { formatLabels, parseLabels } from '../src/layouts/competition'
import { formatEllipses, parseEllipses, publicNumbers } from '../src/layouts/public'

describe('Labels.txt of the competition layout', () => {
  const rows = [
    { image: '0576.PNG', mask: null },
    { image: '0595.PNG', mask: '0595_label.PNG' },
  ]
  const official = '1\r\n0576\t0\t0576.PNG\t0\t0\t\r\n0595\t1\t0595.PNG\t0\t0595_label.PNG\r\n'
  test.each([
    ['CRLF', official],
    ['LF', official.replaceAll('\r', '')],
    ['no line end at the end', official.trimEnd()],
    ['a byte order mark and blank lines', `\uFEFF${official}\r\n\r\n`],
    ['no last tab on clean rows', official.replaceAll('\t\r', '\r')],
    ['no first line', official.replace('1\r\n', '')],
  ])('%s', (_, text) => {
    expect(parseLabels(text, 'Labels.txt')).toEqual(rows)
  })
  test('is written as the official ones are', () => {
    expect(formatLabels(rows)).toBe(official)
  })
  test.each([
    ['0595\t1\t0595.PNG', 'got 3 fields, expected 5'],
    ['0595\t1\t0595.PNG\t0\t0595_label.PNG\tmore', 'got 6 fields, expected 5'],
    ['0595 1 0595.PNG 0 0595_label.PNG', 'got 1 fields, expected 5 with tabs'],
    ['0595\t2\t0595.PNG\t0\t0595_label.PNG', 'got the defective flag "2", expected 0 or 1'],
    ['0595\t1\t0595.PNG\t0\t0\t', 'got flag 1 with mask "0"'],
    ['0595\t0\t0595.PNG\t0\t0595_label.PNG', 'got flag 0 with mask "0595_label.PNG"'],
  ])('%j is refused', (line, message) => {
    expect(() => parseLabels(`1\n${line}\n`, 'dir/Labels.txt')).toThrow(`dir/Labels.txt, line 2: ${message}`)
  })
})

describe('labels.txt of the public layout', () => {
  const table = new Map([
    [1, [{ a: 60.24, b: 37.55, angle: 0.65, x: 69.04, y: 87.6 }]],
    [150, [{ a: 40.69, b: 35.31, angle: -1.99, x: 173, y: 210.24 }]],
  ])
  test.each([
    ['tabs, LF', '1\t60.24\t37.55\t0.65\t69.04\t87.6\n150\t40.69\t35.31\t-1.99\t173\t210.24\n'],
    ['padding, CRLF', '  1   60.24 37.55   0.65 69.04 87.60  \r\n 150 40.69 35.31 -1.99 173.0 210.24'],
    ['exponents', '1.0000e+00 6.024e1 3.755E+01 6.5e-1 69.04 87.6\n1.5e2 40.69 35.31 -1.99e0 1.73e+02 210.24'],
    ['file names as numbers', '1.png 60.24 37.55 0.65 69.04 87.6\n0150.PNG 40.69 35.31 -1.99 173 210.24'],
    ['file names alone', '1.png\n1 60.24 37.55 0.65 69.04 87.6\n\n150.png\r\n40.69 35.31 -1.99 173 210.24'],
  ])('%s', (_, text) => {
    expect(parseEllipses(text, 'labels.txt')).toEqual(table)
  })
  test('reads back what it writes', () => {
    expect(parseEllipses(formatEllipses(table), 'labels.txt')).toEqual(table)
  })
  test('several ellipses of one image are all kept', () => {
    expect(parseEllipses('1 2 3 0 4 5\n1 3 2 0 5 4\n', 'labels.txt').get(1)).toHaveLength(2)
  })
  test.each([
    ['1 2 3 4 5', 'got 5 fields, expected 6'],
    ['1 2 3 4 5 6 7', 'got 7 fields, expected 6'],
    ['1 2 x 4 5 6', 'got "1 2 x 4 5 6", expected a whole number and five decimal ones'],
    ['1.5 2 3 4 5 6', 'expected a whole number'],
    ['1 0 3 4 5 6', 'got the semi-axes 0 and 3'],
  ])('%j is refused', (line, message) => {
    expect(() => parseEllipses(`2 3 3 0 4 5\n${line}`, 'dir/labels.txt')).toThrow(`dir/labels.txt, line 2: `)
    expect(() => parseEllipses(`2 3 3 0 4 5\n${line}`, 'dir/labels.txt')).toThrow(message)
  })
})

describe('the split of the public layout', () => {
  test('halves clean and defective images, and nothing is in both or in none', () => {
    for (const [kind, count] of [
      ['clean', 1000],
      ['defective', 150],
    ] as const) {
      const [train, test] = [publicNumbers(kind, 'train', 0), publicNumbers(kind, 'test', 0)]
      expect([train.length, test.length]).toEqual([count / 2, count / 2])
      expect([...train, ...test].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    }
  })
  test('depends on the seed, not on the order of the numbers', () => {
    expect(publicNumbers('clean', 'train', 0)).toEqual(publicNumbers('clean', 'train', 0))
    expect(publicNumbers('clean', 'train', 0)).not.toEqual(publicNumbers('clean', 'train', 1))
    expect(publicNumbers('defective', 'train', 0).filter((n) => n <= 75).length).toBeLessThan(60)
  })
})

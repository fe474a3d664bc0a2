import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { causeOf, type Failed } from '../../src/launcher/failure'
import { LineBuffer } from '../../src/launcher/lines'
import { failureOf } from '../../src/launcher/mpirun-output'
import { TagCutter } from '../../src/launcher/tags'

afterEach(() => vi.restoreAllMocks())

/** A text in pieces. */
const cut = (text: string, at: number[]) => {
  const ends = [...new Set(at.map((x) => x % (text.length + 1)))].sort((a, b) => a - b)
  return [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end))
}

describe('lines', () => {
  const linesOf = (pieces: string[]) => {
    const buffer = new LineBuffer()
    return { lines: pieces.flatMap((piece) => buffer.push(piece)), unfinished: buffer.unfinished }
  }

  test.each<[string, string[], string]>([
    ['one\ntwo\n', ['one', 'two'], ''],
    ['one\n\ntwo', ['one', ''], 'two'],
    ['one\r\ntwo\r\n', ['one', 'two'], ''],
    ['10%\r20%\r30%\ndone', ['30%'], 'done'],
    ['\r10%\r20%', [], '20%'],
    ['10%\r20%\r', [], '20%'],
    ['same\rsame\n', ['same'], ''],
    ['a\rb\n\rc\r\r\n', ['b', 'c'], ''],
    ['\r\u001b[K10%\r\u001b[K20%', [], '20%'],
    ['10%\u001b[K\r20%\u001b[K\n', ['20%'], ''],
    ['100%\r\u001b[K', [], ''],
    ['100%\r\u001b[2Kdone\nmore\u001b[2K', ['done'], ''],
    ['10%\r\u001b[36m20%\u001b[3', [], '\u001b[36m20%'],
    ['\u001b[36mcolour\u001b[0m', [], '\u001b[36mcolour\u001b[0m'],
    ['a\u001b[2Kb\u001b[0Kc\u001b[2Kd\u001b[K\u001b', [], 'd'],
    ['begun\u001b[\n\u001b[2\rover', ['begun\u001b['], 'over'],
  ])('of %j, however it is cut', (text, lines, unfinished) => {
    expect(linesOf([text])).toEqual({ lines, unfinished })
    fc.assert(
      fc.property(fc.array(fc.nat()), (at) => void expect(linesOf(cut(text, at))).toEqual({ lines, unfinished })),
      { numRuns: 50 },
    )
  })

  test.each([
    ['plain', 'x'.repeat(2 ** 16)],
    ['coloured', `\u001b[36m${'x'.repeat(2 ** 16)}\u001b[0m`],
    ['erased to its right', `${'x'.repeat(2 ** 16)}\u001b[K`],
    ['without the end of a command', `\u001b[${'1'.repeat(2 ** 16)}`],
  ])('the work for a line of 50 MB, %s, is in proportion to it', (_, piece) => {
    const work = countWork()
    const buffer = new LineBuffer()
    const pieces = 800
    for (let i = 0; i < pieces; i++) {
      buffer.push(piece)
      expect(buffer.unfinished.length).toBeGreaterThan(i * 2 ** 15)
    }
    expect(buffer.push('\n')[0]!.length).toBeGreaterThanOrEqual(pieces * 2 ** 16)
    expect(work()).toBeLessThan(20 * pieces * piece.length)
  })

  /** Characters that the methods of strings are given from now on. */
  function countWork(): () => number {
    let work = 0
    const { prototype } = String
    for (const name of [
      'split',
      'slice',
      'replace',
      'replaceAll',
      'lastIndexOf',
      'indexOf',
      'match',
      'trim',
    ] as const) {
      const method = prototype[name] as (...args: unknown[]) => unknown
      vi.spyOn(prototype, name).mockImplementation(function (this: string, ...args: unknown[]) {
        work += this.length
        return method.apply(this, args)
      } as never)
    }
    return () => {
      vi.restoreAllMocks()
      return work
    }
  }

  test('a line without end is cut', () => {
    const buffer = new LineBuffer(10)
    const pieces = Array.from({ length: 7 }, (_, i) => `${i}`.repeat(4))
    expect(pieces.flatMap((piece) => buffer.push(piece))).toEqual(['000011112222', '333344445555'])
    expect(buffer.unfinished).toBe('6666')
  })

  test('a progress bar without end needs no memory', () => {
    const buffer = new LineBuffer()
    for (let i = 0; i < 10_000; i++) buffer.push(`\rstep ${i}`)
    expect(buffer.unfinished).toBe('step 9999')
  })
})

describe("what mpirun prints with --tag-output becomes each rank's own again", () => {
  const untagged = (pieces: string[]) => {
    const said: Record<string, string> = {}
    const cutter = new TagCutter((rank, bytes) => {
      said[`${rank}`] = (said[`${rank}`] ?? '') + bytes.toString('utf8')
    })
    for (const piece of pieces) cutter.push(Buffer.from(piece, 'latin1'))
    cutter.end()
    return said
  }

  test.each<[string, Record<string, string>]>([
    ['[1,0]<stdout>:one\n[1,0]<stdout>:two[1,1]<stdout>:x\n', { 0: 'one\ntwo', 1: 'x\n' }],
    ['[1,0]<stdout>:xxx[1,0]<stdout>:xxx\n[1,0]<stdout>: indented\n', { 0: 'xxxxxx\n indented\n' }],
    ['[1,0]<stdout>:[1, 2] and [3\n---\nmpirun says [so]\n', { 0: '[1, 2] and [3\n', null: '---\nmpirun says [so]\n' }],
    ['[1,0]<stderr>:[####  ] 50%\r[1,0]<stderr>:[######] 100%\n', { 0: '[####  ] 50%\r[######] 100%\n' }],
    ['[prterun-vm-12@1,0]<stdout>: hello\n[prterun-vm-12@1,3]<stdout>: [x', { 0: 'hello\n', 3: '[x' }],
  ])('%j, however it is cut', (text, expected) => {
    expect(untagged([text])).toEqual(expected)
    fc.assert(
      fc.property(fc.array(fc.nat()), (at) => void expect(untagged(cut(text, at))).toEqual(expected)),
      { numRuns: 100 },
    )
  })

  test('and its words on a failure are understood', () => {
    expect(failureOf('mpirun detected that …:\n\n  Process name: [[9187,1],2]\n  Exit code:    3')).toEqual({
      rank: 2,
      code: 3,
      signal: null,
    })
    expect(
      failureOf('prterun noticed that process rank 1 with PID 7 on node vm exited on\nsignal 9 (Killed).'),
    ).toEqual({ rank: 1, host: 'vm', code: null, signal: 'SIGKILL' })
    expect(failureOf('mpirun was unable to find the specified executable file')).toBeUndefined()
  })
})

describe('the cause of a failure', () => {
  const failed = (rank: number, line: string, signal: NodeJS.Signals | null = null) =>
    ({
      place: { rank, host: 'a' },
      exit: { code: signal ? null : 1, signal },
      output: { lastLines: [line] },
    }) as unknown as Failed
  const lostTwo = 'HorovodInternalError: rank 2 (b, pid 77) has died: its connection closed without a goodbye'

  test('is the first', () => {
    expect(causeOf([failed(1, 'a mistake'), failed(0, lostTwo)]).place.rank).toBe(1)
  })
  test('is the rank that the first has lost', () => {
    const transport = 'HorovodInternalError: lost rank 0 (b, pid 76): read ECONNRESET'
    expect(causeOf([failed(1, transport), failed(0, lostTwo), failed(2, 'killed', 'SIGKILL')]).place.rank).toBe(2)
  })
  test('is the first where the lost one was not heard of, or has only got the signal to end', () => {
    expect(causeOf([failed(0, lostTwo), failed(1, lostTwo)]).place.rank).toBe(0)
    expect(causeOf([failed(0, lostTwo), failed(2, '', 'SIGTERM')]).place.rank).toBe(0)
  })
  test('is one of those that have lost each other', () => {
    const lostZero = 'lost rank 0 (a, pid 7): timed out'
    expect([0, 2]).toContain(causeOf([failed(0, lostTwo), failed(2, lostZero)]).place.rank)
  })
})

import { beforeAll, describe, expect, test } from 'vitest'
import type { Place } from './case'
import { cases } from './cases'
import { runWorld, type Said, whyNot, worlds } from './worlds'

interface Line {
  name: string
  rank: number
  value?: unknown
  error?: string
}

const said = new Map<string, Said>()

/** The first failure ends all ranks: what came after it was not run. */
const firstFailure = ({ lines, trouble }: Said): string => {
  const failed = (lines as Line[]).find(({ error }) => error)
  return failed ? `not run, since another failed: ${failed.name}` : trouble
}
const titleOf = ({ transport, size }: Place) => `${transport}, ${size} ${size === 1 ? 'rank' : 'ranks'}`
const linesOf = (place: Place, name: string) =>
  ((said.get(titleOf(place))?.lines ?? []) as Line[]).filter((line) => line.name === name)

for (const place of worlds) {
  const missing = whyNot(place.transport)
  const title = titleOf(place)
  if (missing) {
    describe.skip(`${title} (${missing})`, () => test('all cases', () => {}))
    continue
  }
  describe(title, () => {
    beforeAll(async () => {
      said.set(title, await runWorld(place, { program: 'conformance', deadline: 100 }))
    })

    for (const [name, { except }] of cases) {
      const reason = except?.(place)
      if (reason) test.skip(`${name} (${reason})`, () => {})
      else
        test(name, () => {
          const lines = linesOf(place, name)
          const errors = lines.filter(({ error }) => error).map(({ rank, error }) => `rank ${rank}: ${error}`)
          expect(errors.join('\n')).toBe('')
          expect(lines.map(({ rank }) => rank).sort(), firstFailure(said.get(title)!)).toEqual([
            ...Array(place.size).keys(),
          ])
        })
    }

    test('every rank ends well', () => expect(said.get(title)!.trouble).toBe(''))
  })
}

const noShm = whyNot('shm')
describe.skipIf(noShm)(`tcp and shm${noShm ? ` (${noShm})` : ''}`, () => {
  const exact = cases.filter(([name]) => name.startsWith('exactness'))
  for (const [name, { except }] of exact)
    for (const size of [2, 3, 4].filter((size) => !except?.({ transport: 'tcp', size })))
      test(`${name}: the same bits on ${size} ranks`, () => {
        const [tcp, shm] = ['tcp', 'shm'].map((transport) => linesOf({ transport, size }, name))
        expect(tcp).toHaveLength(size)
        expect(shm!.map(({ value }) => value)).toEqual(tcp!.map(({ value }) => value))
      })
})

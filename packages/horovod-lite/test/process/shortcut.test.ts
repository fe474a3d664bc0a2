import { beforeAll, describe, expect, test } from 'vitest'
import { runWorld, whyNot } from '../conformance/worlds'
import { runRanks } from '../support/ranks'

// Which operations the main threads of one host do themselves is a matter of microseconds. What is certain: all ranks see it
// alike, results are right, errors are the same as without. Where ranks are made to wait for each other all of them are done so.

interface Line {
  rank: number
  case: string
  met: boolean[]
  leaked: number
}

const CASES = ['together', 'late', 'joined', 'underWay', 'different', 'long', 'longDifferent', 'anyOrder']

const places = [
  { transport: 'shm', size: 2 },
  { transport: 'shm', size: 3 },
  { transport: 'mpi', size: 2 },
]
for (const place of places) {
  const { transport, size } = place
  const reason = whyNot(transport)
  describe.skipIf(reason)(`${transport}, ${size} ranks${reason ? ` (${reason})` : ''}`, () => {
    let lines: Line[] = []
    /** Of each rank. */
    const of = <T = object>(name: string) => lines.filter((line) => line.case === name) as (Line & T)[]
    /** What all ranks say alike. */
    const metIn = (name: string) => {
      const [first, ...others] = of(name).map(({ met }) => met)
      for (const met of others) expect(met).toEqual(first)
      return first!
    }

    beforeAll(async () => {
      const said = await runWorld(place, { program: 'shortcut', args: CASES })
      expect(said.trouble).toBe('')
      lines = said.lines as Line[]
      for (const name of CASES)
        expect(
          of(name)
            .map(({ rank }) => rank)
            .sort(),
        ).toEqual([...Array(size).keys()])
    })

    test('all meet where nothing is between them', () => expect(metIn('together')).toEqual(Array(120).fill(true)))

    test('whoever is late makes one go the other way, and the next ones meet again', () => {
      const met = metIn('late')
      expect(met.slice(0, 3)).toEqual([false, false, false])
      expect(met.slice(3)).toEqual(Array(40).fill(true))
    })

    test('after other numbers of calls and a join they meet again', () => {
      for (const { after } of of<{ after: boolean[] }>('joined')) expect(after).toEqual(Array(60).fill(true))
    })

    test('none meets while another is under way', () => expect(metIn('underWay').filter(Boolean)).toEqual([]))

    test('ranks that wait for different things are told so, and go on', () => {
      for (const { message, shapes } of of<{ message: string; shapes: string }>('different')) {
        for (let rank = 0; rank < size; rank++) expect(message).toContain(`name.${rank}`)
        expect(shapes).toMatch(/same.*\[10\].*\[11\]/)
      }
      expect(metIn('different')).toEqual([true, false, false, ...Array(10).fill(true)])
    })

    test('many tensors meet too', () => {
      expect(metIn('long')).toEqual(Array(30).fill(true))
      for (const { right } of of<{ right: boolean }>('long')) expect(right).toBe(true)
    })

    test('of many the last that differs is seen', () => {
      expect(metIn('longDifferent')).toEqual(Array(5).fill(false))
      for (const { told } of of<{ told: string[] }>('longDifferent'))
        for (const message of told) expect(message).toMatch(/\[1\].*\[2\]/)
    })

    test('with delays and asynchronous ones among them all see it alike', () => {
      expect(metIn('anyOrder').length).toBeGreaterThan(50)
    })

    test('nothing is left in memory', () => expect(lines.map(({ leaked }) => leaked)).toEqual(lines.map(() => 0)))
  })
}

const noShm = whyNot('shm')
describe.skipIf(noShm)(`a rank that is killed${noShm ? ` (${noShm})` : ''}`, () => {
  test.each([2, 3])('of %i: the others are told, by its number', async (size) => {
    const { lines } = await runWorld({ transport: 'shm', size }, { program: 'shortcut', args: ['killed'] })
    const survivors = lines as (Line & { told: string })[]
    expect(survivors.map(({ rank }) => rank).sort()).toEqual([...Array(size - 1).keys()])
    for (const { told, met } of survivors) {
      expect(told).toMatch(new RegExp(`^HorovodInternalError: (rank|lost rank) ${size - 1} `))
      expect(met.filter(Boolean).length).toBeGreaterThan(10)
    }
  })
})

test.skipIf(noShm)(`where rank 0 writes a timeline no rank has the shortcut${noShm ? ` (${noShm})` : ''}`, async () => {
  const environment = (rank: number) => (rank === 0 ? { HOROVOD_TIMELINE: '/dev/null' } : {})
  const ranks = await runRanks({ size: 2, program: 'shortcut', transport: 'shm', args: ['together'], environment })
  expect(ranks.map(({ lines }) => lines)).toMatchObject([[{ open: false }], [{ open: false }]])
})

test('the timeline shows every operation, so none is done without the coordinator', async () => {
  const { lines, trouble } = await runWorld(
    { transport: noShm ? 'tcp' : 'shm', size: 2 },
    { program: 'shortcut', args: ['together'], environment: { HOROVOD_TIMELINE: '/dev/null' } },
  )
  expect(trouble).toBe('')
  expect((lines as Line[]).map(({ met }) => met)).toEqual(Array(2).fill(Array(120).fill(false)))
})

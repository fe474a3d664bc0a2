import { describe, expect, test } from 'vitest'
import { runWorld, whyNot } from '../conformance/worlds'

interface Line {
  rank: number
  who: number
  milliseconds: number
  x: string
  later: string
}

for (const transport of ['tcp', 'shm', 'mpi']) {
  const reason = whyNot(transport)
  describe.skipIf(reason)(`${transport}${reason ? ` (${reason})` : ''}`, () => {
    test('what was decided when a rank says goodbye runs on all; nothing else does, and all are told', async () => {
      const { trouble, lines } = await runWorld({ transport, size: 2 }, { program: 'leaving' })
      expect(trouble).toBe('')
      expect(lines).toHaveLength(24)
      for (const stayed of (lines as Line[]).filter(({ rank, who }) => rank !== who)) {
        const { who, milliseconds, x, later } = stayed
        const left = (lines as Line[]).find(
          (line) => line.rank === who && line.who === who && line.milliseconds === milliseconds,
        )!
        const goodbye = new RegExp(`^HorovodInternalError: .*rank ${who} has shut down`)
        expect(later).toMatch(goodbye)
        if (x === 'ran') expect(left.x).toBe('ran')
        else
          expect([x, left.x]).toEqual([expect.stringMatching(goodbye), 'HorovodInternalError: this rank has shut down'])
      }
    })
  })
}

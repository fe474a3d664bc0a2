import { expect, test } from 'vitest'
import { runRanks } from '../support/ranks'
import { describeOnTransports } from '../support/transports'

describeOnTransports('a rank that dies in training', (transport) => {
  test.each([0, 2 ** 20])(
    'ends the step of the others, which are left as they were (buckets of %i bytes)',
    async (bytes) => {
      const ranks = await runRanks({ size: 3, program: 'optimizer_death', transport, args: [String(bytes)] })
      expect(ranks[2]!.signal).toBe('SIGKILL')
      for (const { rank, code, lines } of ranks.slice(0, 2)) {
        expect({ rank, code, lines }).toEqual({ rank, code: 0, lines: [expect.anything()] })
        const { seconds, toShutDown, message, ...told } = lines[0] as Record<string, number | string>
        expect(told).toEqual({ internal: true, leaked: 0, unchanged: true })
        expect(message).toMatch(/rank 2 \(.*, pid \d+\) has died/)
        expect(seconds).toBeLessThan(3)
        expect(toShutDown).toBeLessThan(3)
      }
    },
  )
})

import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Timeline } from '../../src/timeline/timeline'

test('a full disk is told once, and nothing else happens', async () => {
  const told: string[] = []
  const timeline = new Timeline('/dev/full', (line) => told.push(line))
  for (const step of [0, 1]) {
    timeline.span('lane', 'UPDATE', step, step + 1)
    await turn()
  }
  timeline.close()
  expect(told).toEqual([expect.stringMatching(/^HOROVOD_TIMELINE: cannot write \/dev\/full any more \(ENOSPC\)/)])
})

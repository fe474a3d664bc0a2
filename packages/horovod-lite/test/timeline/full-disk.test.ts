import { closeSync, mkdtempSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Timeline } from '../../src/timeline/timeline'

test('a file that cannot be written any more is told once, and nothing else happens', () => {
  const told: string[] = []
  const path = join(mkdtempSync(join(tmpdir(), 'timeline-')), 'trace.json')
  const timeline = new Timeline(path, (line) => told.push(line))
  timeline.span('lane', 'before', 0, 1)
  closeSync(Reflect.get(timeline, 'file'))
  Reflect.set(timeline, 'file', openSync(path, 'r')) // as unwritable as a full disk
  for (const name of ['a', 'b']) timeline.submitted(name, 'allreduce', 0)
  expect(told).toEqual([expect.stringMatching(/^HOROVOD_TIMELINE: cannot write .*trace.json any more \(EBADF\)/)])
  timeline.close()
  expect(told).toHaveLength(1)
})

test('a file that cannot be written from the start is an error that says so', () => {
  expect(() => new Timeline('/dev/full', () => {})).toThrow(
    'HOROVOD_TIMELINE: cannot write /dev/full (ENOSPC); choose another file',
  )
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { watch } from '../../src/transports/shm/alive'
import { until } from '../support/calls'

test('a process is there until it ends', async () => {
  const child = spawn('sleep', ['100'])
  const watched = watch(child.pid!)
  expect(watched.gone()).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(watched.gone()).toBe(true)
  expect(watch(child.pid!).gone()).toBe(true)
})

test.skipIf(process.platform !== 'linux')('one that nobody has waited for is gone (Linux: /proc tells)', async () => {
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 100']) // which does not wait for its child
  try {
    const [line] = await once(parent.stdout, 'data')
    const watched = watch(Number(line))
    expect(watched.gone()).toBe(false)
    expect(await until(() => watched.gone())).toBe(true)
    process.kill(Number(line), 0) // its number is still taken
  } finally {
    parent.kill('SIGKILL')
  }
})

import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { listenForInterrupt } from '../../src/training/interrupt'

test('granted, the first signal is a wish, one right behind it the same, a later one ends the program', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => {}) as unknown as typeof process.exit)
  const onFirst = vi.fn()
  const interrupt = listenForInterrupt()
  try {
    process.emit('SIGTERM', 'SIGTERM')
    expect(exit).toHaveBeenLastCalledWith(143) // while a training starts
    exit.mockClear()
    interrupt.grant(onFirst)
    expect(interrupt.signal).toBeUndefined()
    process.emit('SIGINT', 'SIGINT')
    process.emit('SIGINT', 'SIGINT')
    expect(interrupt.signal).toBe('SIGINT')
    expect(onFirst).toHaveBeenCalledTimes(1)
    expect(exit).not.toHaveBeenCalled()
    await wait(400)
    process.emit('SIGINT', 'SIGINT')
    expect(exit).toHaveBeenCalledWith(130)
    expect(onFirst).toHaveBeenCalledTimes(1)
  } finally {
    interrupt.dispose()
    exit.mockRestore()
  }
})

test('a pair that waited behind a long step is one wish', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => {}) as unknown as typeof process.exit)
  const interrupt = listenForInterrupt()
  interrupt.grant(() => {})
  try {
    process.kill(process.pid, 'SIGINT')
    await wait(20)
    expect(interrupt.signal).toBe('SIGINT')
    process.kill(process.pid, 'SIGINT') // passed on while the step runs
    for (const begin = performance.now(); performance.now() - begin < 400; ); // the step
    await wait(0)
    await wait(20)
    expect(exit).not.toHaveBeenCalled()
  } finally {
    interrupt.dispose()
    exit.mockRestore()
  }
})

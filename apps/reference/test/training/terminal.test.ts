import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { succeed, temporaryFolder } from '../command-line'
import { app, noTerminal, startRanks } from '../hvdrun'
import { tiny } from './tiny'

// Several processes whose launcher is on a terminal, which `script` makes. Their own stdout is a pipe.

const room = temporaryFolder()
const onTerminal = (args: string, columns = 120) =>
  startRanks(['-np', '2', process.execPath, app, ...args.split(' ')], room, columns)

/** What the line showed that the cursor was in, after each write; ends of lines are kept. */
const statesOf = (screen: string) => stripVTControlCharacters(screen.replaceAll('\r\n', '\n')).split(/\r|(?<=\n)/)

describe.skipIf(noTerminal)(`hvdrun on a terminal${noTerminal ? ` (${noTerminal})` : ''}`, () => {
  test('shows the bar of rank 0 while it moves; it ends as a line, within the width', async () => {
    const job = onTerminal(`train ${tiny} --run-name bar --num-iter 50 --display-every 1`, 60)
    const { code, stdout } = await job.ended
    expect(code).toBe(0)
    const states = statesOf(stdout)
    const bars = states.filter((state) => state.startsWith('[0]<stdout>:') && /[█░]/.test(state))
    const moving = bars.filter((state) => !state.endsWith('\n'))
    expect(new Set(moving.map((state) => /[█░]{20} (\d+)\/50 · /.exec(state)![1])).size).toBeGreaterThan(3)
    expect(moving.some((state) => /· loss 0\.\d{4} · /.test(state))).toBe(true)
    expect(bars.filter((state) => state.endsWith('\n'))).toEqual([expect.stringMatching(/█{20} 50\/50 · loss /)])
    for (const bar of bars) expect(bar.trimEnd().length).toBeLessThan(60 - '^C'.length)
    expect(states.filter((state) => /^step |<stdout>:step /.test(state))).toEqual([])
    expect(states.filter((state) => state.startsWith('[1]'))).toEqual([])
    expect(states.at(-1)).toMatch(/^\[0\]<stdout>:report: .*\n$/)
  })

  test('and the count of an evaluation, which vanishes', async () => {
    await succeed(`train ${tiny} --run-name counted --num-iter 1`, room)
    const job = onTerminal('evaluate --checkpoint counted --synthetic-test 32 --image-size 256 --batch-size 1')
    const { code, stdout } = await job.ended
    expect(code).toBe(0)
    const bars = statesOf(stdout).filter((state) => /[█░]/.test(state))
    expect(bars.length).toBeGreaterThan(2)
    for (const bar of bars) expect(bar).toMatch(/^\[0\]<stderr>:[█░]+ \d+\/16 images$/)
  })

  describe('Ctrl-C leaves it clean:', () => {
    /** Nothing is switched on that would have to be switched off, and the cursor is in an empty line. */
    const expectClean = (screen: string) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what switches a terminal's modes
      expect(screen).not.toMatch(/\u001b(\[\?|[78])/)
      expect(statesOf(screen).at(-1)).toMatch(/^$|\n$/)
    }

    test('once', async () => {
      const job = onTerminal(`train ${tiny} --run-name once --num-iter 100000`)
      await job.says(/[█░] \d+\/100000 · loss/)
      job.child.stdin!.write('\u0003')
      const { code, stdout } = await job.ended
      expect(code).toBe(130)
      expect(stdout).toMatch(/stopped after step \d+ and saved; go on with: unet-industrial train --resume once/)
      expectClean(stdout)
    })

    test('twice', async () => {
      const stuck = `process.on('SIGINT', () => {}); process.stdout.write('\\r50% …'); setInterval(() => {}, 1000)`
      const job = startRanks(['-np', '2', process.execPath, '-e', stuck], room, 120)
      await job.says(/50% …/)
      job.child.stdin!.write('\u0003')
      await job.says(/once more ends them at once/)
      await new Promise((resolve) => setTimeout(resolve, 500)) // what comes at once is the same Ctrl-C
      job.child.stdin!.write('\u0003')
      const { code, stdout } = await job.ended
      expect(code).toBe(130)
      expectClean(stdout)
    })
  })
})

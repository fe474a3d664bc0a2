import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { hvdrun, temporaryFolder } from '../support/hvdrun'

// hvdrun on a terminal, which `script` (util-linux) makes.
const problem = spawnSync('script', ['--version']).status === 0 ? undefined : 'needs script of util-linux'

/** What a terminal of one line shows after each write of a line or a carriage return. */
const states = (text: string) => text.split(/\r?\n|\r/).map((line) => stripVTControlCharacters(line))

describe.skipIf(problem)(`on a terminal${problem ? ` (${problem})` : ''}`, () => {
  const onTerminal = async (shell: string, environment: Record<string, string> = {}, options: string[] = []) => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'rank.sh'), shell)
    const job = await hvdrun(['-np', '2', ...options, 'sh', 'rank.sh'], {
      cwd,
      environment: { TERM: 'xterm', ...environment },
      terminal: true,
    })
    return { ...job, cwd }
  }

  test("rank 0's progress bar is seen while it moves, below whole lines of the others", async () => {
    // Each goes on when the screen shows what it has printed: the test makes the file that it waits for.
    const goOnAt = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`
    const other = `${goOnAt('seen-20')}; echo a line; ${goOnAt('at-30')}; echo done`
    const bar = ['10', '20', '30'].map((percent) => `printf '\\r${percent}%%'; ${goOnAt(`at-${percent}`)}`).join('; ')
    const job = await onTerminal(`if [ $HOROVOD_RANK = 1 ]; then ${other}; else ${bar}; printf '\\rdone\\n'; fi`)
    const shows = async (what: RegExp, file: string) => {
      await job.says(what)
      writeFileSync(join(job.cwd, file), '')
    }
    await shows(/\[0\]<stdout>:\S*10%/, 'at-10') // though its line has not ended
    await shows(/\[0\]<stdout>:\S*20%/, 'seen-20')
    await shows(/\[1\]<stdout>:\S*a line/, 'at-20')
    await shows(/\[0\]<stdout>:\S*30%/, 'at-30')
    const { stdout } = await job.ended
    const seen = states(stdout)
    for (const state of ['10%', '20%', '30%']) expect(seen).toContain(`[0]<stdout>:${state}`)
    const line = seen.indexOf('[1]<stdout>:a line')
    expect(seen.slice(0, line)).toContain('[0]<stdout>:20%')
    expect(seen.slice(line)).toContain('[0]<stdout>:30%')
    const lines = stdout.split('\r\n').map((each) => stripVTControlCharacters(each.replace(/^[^\n]*\r/, '')))
    expect(lines).toEqual(expect.arrayContaining(['[0]<stdout>:done', '[1]<stdout>:a line', '[1]<stdout>:done']))
  })

  test('ranks have colours, unless NO_COLOR is set', async () => {
    const coloured = await (await onTerminal('echo hello')).ended
    expect(coloured.stdout).toContain('\u001b[36m[0]<stdout>:\u001b[39mhello')
    const plain = await (await onTerminal('echo hello', { NO_COLOR: '1' })).ended
    expect(plain.stdout).not.toContain('\u001b[36m')
  })

  test('ranks are told how wide their lines may be', async () => {
    const columns = async (options: string[] = []) => {
      const tell = 'echo out $HOROVOD_STDOUT_COLUMNS, err $HOROVOD_STDERR_COLUMNS'
      const { stdout } = await (await onTerminal(tell, {}, options)).ended
      return /\[1\]<stdout>:(.*)/.exec(stripVTControlCharacters(stdout))![1]!.trim()
    }
    const [width, before, time] = [80, '[0]<stdout>:'.length, '2020-01-01T00:00:00.000Z '.length] // script's terminal has 80
    expect(await columns()).toBe(`out ${width - before}, err ${width - before}`)
    const timed = width - before - time
    expect(await columns(['--prefix-output-with-timestamp'])).toBe(`out ${timed}, err ${timed}`)
    expect(await columns(['--output-filename', 'files'])).toBe('out , err')
  })

  test('Ctrl-C reaches all ranks once', async () => {
    const job = await onTerminal('trap "echo got it; exit 0" INT; echo up; sleep 20 & wait; wait')
    await job.says(/\[0\]<stdout>:\S*up/)
    await job.says(/\[1\]<stdout>:\S*up/)
    job.child.stdin!.write('\u0003')
    const { stdout } = await job.ended
    for (const rank of [0, 1])
      expect(states(stdout).filter((line) => line === `[${rank}]<stdout>:got it`)).toHaveLength(1)
  })
})

test('without a terminal ranks are told of none, whatever hvdrun was told itself', async () => {
  const environment = { HOROVOD_STDOUT_COLUMNS: '70', HOROVOD_STDERR_COLUMNS: '70' }
  const command = ['--', 'sh', '-c', 'env | grep COLUMNS; echo end']
  const { stdout } = await (await hvdrun(['-np', '1', ...command], { environment })).ended
  expect(stdout).toBe('[0]<stdout>:end\n')
})

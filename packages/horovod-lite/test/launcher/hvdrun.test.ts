import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hvdrun, kill, leftOf, pretendedSsh, processesOf, temporaryFolder } from '../support/hvdrun'

/** Lines of one rank, without its number and tfjs's advertisement. */
const linesOf = (text: string, rank: number, stream = 'stdout') =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`[${rank}]<${stream}>:`))
    .map((line) => line.slice(`[${rank}]<${stream}>:`.length))

const jsonOf = (text: string, rank: number) => JSON.parse(linesOf(text, rank).at(-1)!)

describe('a job', () => {
  test('gives every rank its place, and each line its rank', async () => {
    const { ended } = await hvdrun(['-np', '3', 'NODE', 'PROGRAM', 'sum'])
    const { code, stdout } = await ended
    expect(code).toBe(0)
    for (const rank of [0, 1, 2])
      expect(jsonOf(stdout, rank)).toMatchObject({ place: [rank, 3, rank, 3, 0, 1], sum: 3 })
  })

  test('runs on several hosts through ssh, filled in their order', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'hosts'), '# a comment\nalpha slots=2\nbeta:1\n')
    const args = ['-np', '3', '--hostfile', 'hosts', '--ssh-command', pretendedSsh(folder), '--transport', 'tcp']
    const { code, stdout, stderr } = await (await hvdrun([...args, 'NODE', 'PROGRAM', 'sum'], { cwd: folder })).ended
    expect({ code, stderr: linesOf(stderr, 0, 'stderr').join('') && '' }).toEqual({ code: 0, stderr: '' })
    expect(jsonOf(stdout, 0).place).toEqual([0, 3, 0, 2, 0, 2])
    expect(jsonOf(stdout, 1).place).toEqual([1, 3, 1, 2, 0, 1])
    expect(jsonOf(stdout, 2).place).toEqual([2, 3, 0, 1, 1, 2])
  })

  test('commands that are not of this package run too; their output is whole lines', async () => {
    const { ended } = await hvdrun(['-np', '2', '--', 'sh', '-c', 'printf "one\\ntwo"; echo aside >&2'])
    const { code, stdout, stderr } = await ended
    expect(code).toBe(0)
    for (const rank of [0, 1]) {
      expect(linesOf(stdout, rank)).toEqual(['one', 'two'])
      expect(linesOf(stderr, rank, 'stderr')).toEqual(['aside'])
    }
  })

  test('long lines, missing ends of lines and lines written over come through', async () => {
    const { ended } = await hvdrun(['-np', '2', '--output-filename', 'out', 'NODE', 'PROGRAM', 'text'])
    const { stdout, stderr } = await ended
    expect(linesOf(stdout, 1)).toEqual([`grüße ${'x'.repeat(100_000)}`, 'no end of line'])
    expect(linesOf(stderr, 1, 'stderr').at(-1)).toBe('100%')
  })

  test("--output-filename keeps each rank's output as it was", async () => {
    const cwd = temporaryFolder()
    await (await hvdrun(['-np', '2', '--output-filename', 'out', '--', 'sh', '-c', 'echo $HOROVOD_RANK'], { cwd }))
      .ended
    expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['rank.0', 'rank.1'])
    expect(readFileSync(join(cwd, 'out/rank.1/stdout'), 'utf8')).toBe('1\n')
  })

  test('timestamps and --verbose', async () => {
    const { ended } = await hvdrun(['-np', '1', '--verbose', '--prefix-output-with-timestamp', 'echo', 'hello'])
    const { stdout, stderr } = await ended
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \[0\]<stdout>:hello\n$/)
    expect(stderr).toBe('hvdrun: rank 0 on localhost: echo hello\n')
  })
})

describe('the first failure', () => {
  test('ends all within five seconds, and is named with its rank, code and last lines', async () => {
    const job = await hvdrun(['-np', '4', 'NODE', 'PROGRAM', 'exit', '2'])
    const { code, stderr } = await job.ended
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /hvdrun: rank 2 on localhost exited with code 3; the other ranks were ended\nits last lines:\n(.*\n)*? {2}the reason\n {2}last words\n$/,
    )
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('by a signal is named, and gives 128 and its number', async () => {
    const job = await hvdrun(['-np', '3', 'NODE', 'PROGRAM', 'train'])
    const [, pid] = await job.says(/rank 1 is ready, pid (\d+)/)
    await job.says(/rank 2 is ready/)
    kill(Number(pid))
    const before = performance.now()
    const { code, stderr } = await job.ended
    expect((performance.now() - before) / 1000).toBeLessThan(5)
    expect(code).toBe(137)
    expect(stderr).toContain('hvdrun: rank 1 on localhost was killed by SIGKILL')
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('is also told where a rank does not listen to SIGTERM', async () => {
    const job = await hvdrun([
      '-np',
      '2',
      '--',
      'sh',
      '-c',
      '[ $HOROVOD_RANK = 1 ] && exit 7; trap "" TERM; sleep 100 & wait; sleep 100',
    ])
    const { code } = await job.ended
    expect(code).toBe(7)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s reaches all ranks; where all then end well, so does hvdrun',
    async (signal) => {
      const job = await hvdrun(['-np', '2', 'NODE', 'PROGRAM', 'signal'])
      await job.says(/rank 0 is ready/)
      await job.says(/rank 1 is ready/)
      job.child.kill(signal)
      const { code, stdout } = await job.ended
      expect(code).toBe(0)
      for (const rank of [0, 1]) expect(stdout).toContain(`rank ${rank} got ${signal}`)
    },
  )

  test('a second one ends ranks that stay', async () => {
    const job = await hvdrun(['-np', '2', 'NODE', 'PROGRAM', 'wait'])
    await job.says(/rank 0 is ready/)
    await job.says(/rank 1 is ready/)
    job.child.kill('SIGINT')
    await job.says(/rank 0 got SIGINT/)
    await job.says(/rank 1 got SIGINT/)
    job.child.kill('SIGINT')
    expect((await job.ended).code).toBe(130)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

describe('kill -9 leaves nothing behind', () => {
  const start = async () => {
    const job = await hvdrun(['-np', '3', 'NODE', 'PROGRAM', 'train'])
    const pids = []
    for (const rank of [0, 1, 2])
      pids.push(Number((await job.says(new RegExp(`rank ${rank} is ready, pid (\\d+)`)))[1]))
    return { job, pids }
  }
  const memory = () => readdirSync('/dev/shm').filter((name) => /horovod|hvd/.test(name))

  test('of hvdrun', async () => {
    const { job } = await start()
    job.child.kill('SIGKILL')
    expect(await leftOf(job.marker, 5)).toEqual([])
    expect(memory()).toEqual([])
  })

  test('of the agent', async () => {
    const { job, pids } = await start()
    const agent = processesOf(job.marker).find((pid) => ![job.child.pid, ...pids].includes(pid) && isAgent(pid))!
    kill(agent)
    const { code, stderr } = await job.ended
    expect(code).not.toBe(0)
    expect(stderr).toMatch(
      /rank 0 on localhost was lost: hvdrun's agent on localhost has died; the other ranks were ended/,
    )
    expect(await leftOf(job.marker, 5)).toEqual([])
    expect(memory()).toEqual([])
  })

  test('of all ranks but one', async () => {
    const { job, pids } = await start()
    for (const pid of pids.slice(1)) kill(pid)
    expect((await job.ended).code).toBe(137)
    expect(await leftOf(job.marker, 5)).toEqual([])
    expect(memory()).toEqual([])
  })

  const isAgent = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent.js')
})

describe('what cannot be is one line', () => {
  const refused = async (args: string[], code: number, message: RegExp, files: Record<string, string> = {}) => {
    const cwd = temporaryFolder()
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text)
    const ended = await (await hvdrun(args, { cwd, program: 'launched' })).ended
    expect(ended.stderr).toMatch(/^hvdrun: [^\n]*\n$/)
    expect(ended.stderr).toMatch(message)
    expect(ended.code).toBe(code)
  }

  test.each<[string, string[], number, RegExp]>([
    ['no command', ['-np', '2'], 2, /got no command/],
    ['no number', ['node', 'x.js'], 2, /got no number of processes, expected -np N/],
    ['a wrong number', ['-np', 'two', 'true'], 2, /got two, expected a whole number/],
    ['an unknown option', ['-np', '2', '--fast', 'true'], 2, /unknown option '--fast'/],
    ['too few slots', ['-np', '5', '-H', 'localhost:4', 'true'], 1, /got 5 processes for 4 slots on localhost:4/],
    ['a host twice', ['-np', '2', '-H', 'a:1,a:1', 'true'], 1, /got a twice/],
    ['slots that are none', ['-np', '2', '-H', 'a:x', 'true'], 1, /.+/],
    ['no hostfile', ['-np', '2', '--hostfile', 'none', 'true'], 1, /cannot read none \(ENOENT\)/],
    [
      'a host that cannot be reached',
      ['-np', '1', '-H', 'nowhere', '--ssh-command', 'false', 'true'],
      1,
      /host nowhere: false ended with code 1/,
    ],
    [
      'no such interface',
      ['-np', '1', '--network-interface', 'eth99', 'true'],
      1,
      /network interface: got eth99, expected one of this host's: .*lo/,
    ],
    ['fewer at most than at least', ['--min-np', '3', '--max-np', '2', 'true'], 2, /got --max-np 2 below --min-np 3/],
  ])('%s', (_, args, code, message) => refused(args, code, message))

  test('a wrong line of a hostfile, with its number', () =>
    refused(['-np', '1', '--hostfile', 'hosts', 'true'], 1, /got "b slots=many" in line 2 of hosts/, {
      hosts: 'a:1\nb slots=many\n',
    }))

  test('a command that is not there', async () => {
    const { code, stderr } = await (await hvdrun(['-np', '2', 'no-such-command'])).ended
    expect(code).toBe(127)
    expect(stderr).toMatch(/rank \d on localhost did not run: the command no-such-command was not found/)
  })

  test('a rank that never comes is named', async () => {
    const command = ['--', 'sh', '-c', '[ $HOROVOD_RANK = 1 ] && sleep 100; exec "$0" "$1" sum', 'NODE', 'PROGRAM']
    const { code, stderr } = await (await hvdrun(['-np', '2', '--start-timeout', '1', ...command])).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/waited 1 s for all processes to start; rank 1 did not come/)
  })

  test('--check-build, --version and --help', async () => {
    const told = async (option: string) => (await (await hvdrun([option])).ended).stdout
    expect(await told('--check-build')).toMatch(/\[x\] tcp .*\n.*shm .*\n.*mpi /)
    expect(await told('--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(await told('--help')).toMatch(/Examples:\n {2}hvdrun -np 4/)
  })
})

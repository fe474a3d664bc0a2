import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hvdrun, interruptTwice, kill, leftOf, linesOf, processesOf, script, temporaryFolder } from '../support/hvdrun'

/** Longer than what counts as one wish. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 500))
/** Words with a NUL behind each; '' where it has ended. */
const commandOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
const ready = (rank: number) => new RegExp(`rank ${rank} is ready, pid (\\d+)`)

describe('the first failure', () => {
  test('ends all within five seconds, and is named with its rank, code and last lines', async () => {
    const job = await hvdrun(['-np', '4', 'NODE', 'PROGRAM', 'exit', '2'])
    await job.says(/last words/)
    const failed = performance.now()
    const { code, stderr } = await job.ended
    expect(performance.now() - failed).toBeLessThan(5000)
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

  test('is the rank that another has lost, though that one is heard of first', async () => {
    const last = '{ sleep 0.3; echo the reason >&2; exit 6; }'
    const first = 'echo "rank 1 (here, pid 7) has died: its connection closed without a goodbye" >&2; exit 1'
    const job = await hvdrun(['-np', '2', '--', 'sh', '-c', `[ $HOROVOD_RANK = 1 ] && ${last}; ${first}`])
    const { code, stderr } = await job.ended
    expect(code).toBe(6)
    expect(stderr).toMatch(/hvdrun: rank 1 on localhost exited with code 6; .*\nits last lines:\n {2}the reason\n$/)
  })

  test('is also told where a rank does not listen to SIGTERM', async () => {
    const job = await hvdrun([
      '-np',
      '2',
      '--',
      'sh',
      '-c',
      'trap "" TERM; [ $HOROVOD_RANK = 1 ] && sleep 0.5 && echo failing && exit 7; sleep 100 & wait; sleep 100',
    ])
    await job.says(/failing/)
    const failed = performance.now()
    expect((await job.ended).code).toBe(7)
    expect(performance.now() - failed).toBeLessThan(5000)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

describe('the first failure among several hosts', () => {
  test('is the one from which the others follow, though it is heard of later', async () => {
    const slow = 'sh -c "$1" | while IFS= read -r line; do sleep 0.2; printf "%s\\n" "$line"; done'
    const ssh = script(
      temporaryFolder(),
      'slow-from-beta',
      `if [ $1 = beta ]; then shift; ${slow}; else shift; exec sh -c "$1"; fi`,
    )
    const args = ['-np', '3', '-H', 'alpha:2,beta:1', '--ssh-command', ssh, '--transport', 'tcp']
    const job = await hvdrun([...args, 'NODE', 'PROGRAM', 'train'])
    const pids = []
    for (const rank of [0, 1, 2]) pids.push(Number((await job.says(ready(rank)))[1]))
    kill(pids[2]!)
    const { code, stderr } = await job.ended
    expect(stderr).toContain('hvdrun: rank 2 on beta was killed by SIGKILL; the other ranks were ended')
    expect(code).toBe(137)
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

  test('a rank that a signal has ended makes hvdrun tell it, as a shell does', async () => {
    const job = await hvdrun(['-np', '2', 'NODE', 'PROGRAM', 'train'])
    for (const rank of [0, 1]) await job.says(ready(rank))
    job.child.kill('SIGTERM')
    expect((await job.ended).code).toBe(143)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test.each([
    ['a job', ['-np', '2'], 0],
    ['an elastic job', ['--min-np', '2'], 0],
  ])('one Ctrl-C that comes twice, as under npx, lets the ranks of %s save', async (_, args, expected) => {
    const command = 'trap "sleep 1; echo saved; exit 0" INT; echo up; while :; do sleep 0.1; done'
    const job = await hvdrun([...args, '--', 'sh', '-c', command])
    for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:up`))
    await interruptTwice(job)
    const { code, stdout } = await job.ended
    for (const rank of [0, 1]) expect(linesOf(stdout, rank)).toEqual(['up', 'saved'])
    expect(code).toBe(expected)
  })

  describe.each([
    ['a job', ['-np', '2']],
    ['an elastic job', ['--min-np', '2']],
  ])('after one, in %s,', (_, args) => {
    /** Rank 1 begins when rank 0 can hear the signal. */
    const start = async (first: string, second: string) => {
      const job = await hvdrun([
        ...args,
        '--',
        'sh',
        '-c',
        `if [ $HOROVOD_RANK = 0 ]; then ${first}; else ${second}; fi`,
      ])
      for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:up`))
      job.child.kill('SIGINT')
      return job
    }
    const goesOn = 'trap "echo heard" INT; echo up; while :; do sleep 0.1; done'

    test('a rank that fails is named, and ends those that stay', async () => {
      const job = await start(goesOn, 'trap "echo no room >&2; exit 5" INT; echo up; while :; do sleep 0.1; done')
      const { code, stderr } = await job.ended
      expect(code).toBe(130)
      expect(stderr).toMatch(
        /hvdrun: rank 1 on localhost exited with code 5.*\nits last lines:\n {2}up\n {2}no room\n$/,
      )
      expect(await leftOf(job.marker, 5)).toEqual([])
    })

    test('one that only has lost another, which has obeyed, lets the others save', async () => {
      const lost = 'lost rank 2 (here, pid 7): read ECONNRESET'
      const job = await start(
        'trap "sleep 2.5; echo saved; exit 0" INT; echo up; while :; do sleep 0.1; done',
        `trap "echo '${lost}' >&2; exit 1" INT; echo up; while :; do sleep 0.1; done`,
      )
      const { code, stdout, stderr } = await job.ended
      expect(code).toBe(130)
      expect(linesOf(stdout, 0)).toEqual(['up', 'saved'])
      expect(stderr).not.toContain('exited')
    })
  })

  test.each([
    ['a job', ['-np', '1']],
    ['an elastic job', ['--min-np', '1']],
  ])('one before all hosts of %s have answered leaves no ssh behind', async (_, args) => {
    const cwd = temporaryFolder()
    const ssh = script(cwd, 'slow', 'touch called; sleep 100')
    const job = await hvdrun([...args, '-H', 'a', '--ssh-command', ssh, 'true'], { cwd })
    while (!existsSync(join(cwd, 'called'))) await pause()
    job.child.kill('SIGTERM')
    const { code, stderr } = await job.ended
    expect(await leftOf(job.marker, 5)).toEqual([])
    expect(code).toBe(143)
    expect(stderr).not.toContain('host a:')
  })

  test('a second one ends ranks that stay', async () => {
    const job = await hvdrun(['-np', '2', 'NODE', 'PROGRAM', 'wait'])
    await job.says(/rank 0 is ready/)
    await job.says(/rank 1 is ready/)
    job.child.kill('SIGINT')
    await job.says(/rank 0 got SIGINT/)
    await job.says(/rank 1 got SIGINT/)
    await pause()
    job.child.kill('SIGINT')
    expect((await job.ended).code).toBe(130)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

describe('SIGTERM where a shell or npx, which ends by it at once, has started the program', () => {
  const inShell = (onTerm: string) => {
    const program = `trap "${onTerm}" TERM; echo up; while :; do sleep 0.1; done`
    return hvdrun(['-np', '2', '--', 'sh', '-c', `sh -c '${program}'; true`])
  }
  const up = async (job: Awaited<ReturnType<typeof inShell>>) => {
    for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:up`))
  }

  test('lets the program end as it wants', async () => {
    const job = await inShell('sleep 1.5; echo saved; exit 0')
    await up(job)
    job.child.kill('SIGTERM')
    const { code, stdout } = await job.ended
    expect(code).toBe(143)
    for (const rank of [0, 1]) expect(linesOf(stdout, rank)).toEqual(['up', 'saved'])
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('waits for nobody who has ended, also where nobody reaps him', async () => {
    // `true` ends in the rank's group as a zombie of a sleep that has left it.
    const zombie = 'sh -c "true & exec setsid sleep 30" &'
    const job = await hvdrun(['-np', '1', '--', 'sh', '-c', `${zombie} sleep 0.5; echo up; sleep 100`])
    await job.says(/up/)
    job.child.kill('SIGTERM')
    expect((await job.ended).code).toBe(143)
    const isSleeper = (pid: number) => commandOf(pid) === 'sleep\x0030\0'
    while (!processesOf(job.marker).every(isSleeper)) await pause()
    const left = processesOf(job.marker)
    expect(left).toHaveLength(1)
    for (const pid of left) kill(pid)
  })

  test('a second one ends it', async () => {
    const job = await inShell('echo not yet')
    await up(job)
    job.child.kill('SIGTERM')
    for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:not yet`))
    await pause()
    job.child.kill('SIGTERM')
    expect((await job.ended).code).toBe(143)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

describe('nothing is left behind', () => {
  /** Of each of two ranks what it has started in a session of its own, which has not ended, and nothing else; ends it. */
  const onlySleepers = async (marker: string) => {
    const isSleeper = (pid: number) => commandOf(pid).endsWith('sleep\x00200\0')
    while (!processesOf(marker).every(isSleeper)) await pause()
    const left = processesOf(marker)
    expect(left).toHaveLength(2)
    for (const pid of left) kill(pid)
  }

  test('of what ranks have started themselves', async () => {
    const command = 'sleep 100 & setsid sleep 200 & [ $HOROVOD_RANK = 1 ] && exit 5; echo up; sleep 100'
    const job = await hvdrun(['-np', '2', '--', 'sh', '-c', command])
    expect((await job.ended).code).toBe(5)
    await onlySleepers(job.marker)
  })

  test.each([
    ['in silence', 'sleep 100 > /dev/null 2>&1 &'],
    ["with its rank's output open", 'sleep 100 &'],
  ])('of what runs on %s when its rank has ended well', async (_, command) => {
    const job = await hvdrun(['-np', '2', '--', 'sh', '-c', `${command} echo done`])
    const { code, stdout } = await job.ended
    expect(code).toBe(0)
    for (const rank of [0, 1]) expect(stdout).toContain(`[${rank}]<stdout>:done`)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('but what runs in a session of its own, which is not waited for, nor its hold on the output', async () => {
    const job = await hvdrun(['-np', '2', '--', 'sh', '-c', 'setsid sleep 200 & echo done'])
    expect((await job.ended).code).toBe(0)
    await onlySleepers(job.marker)
  })

  test('of a rank under npx', async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'package.json'), '{}')
    script(join(cwd, 'node_modules', '.bin'), 'trainer', 'echo up; [ $HOROVOD_RANK = 0 ] && exit 4; sleep 100')
    const job = await hvdrun(['-np', '2', 'npx', 'trainer'], { cwd })
    const { code, stderr } = await job.ended
    expect(code).toBe(4)
    expect(stderr).toContain('hvdrun: rank 0 on localhost exited with code 4; the other ranks were ended')
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test.each(['stdout', 'stderr'] as const)('where nobody reads its %s any more', async (stream) => {
    const command = `while :; do echo line >&${stream === 'stdout' ? 1 : 2}; sleep 0.01; done`
    const job = await hvdrun(['-np', '2', '--', 'sh', '-c', command])
    await job.says(/line/)
    job.child[stream]!.destroy()
    expect((await job.ended).code).toBe(141)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

describe('kill -9 leaves nothing behind', () => {
  const start = async () => {
    const job = await hvdrun(['-np', '3', 'NODE', 'PROGRAM', 'train'])
    const pids = []
    for (const rank of [0, 1, 2]) pids.push(Number((await job.says(ready(rank)))[1]))
    return { job, pids }
  }

  test('of hvdrun', async () => {
    const { job } = await start()
    job.child.kill('SIGKILL')
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('of the agent', async () => {
    const { job, pids } = await start()
    const agent = processesOf(job.marker).find(
      (pid) => ![job.child.pid, ...pids].includes(pid) && commandOf(pid).includes('agent.js'),
    )!
    kill(agent)
    const { code, stderr } = await job.ended
    expect(code).not.toBe(0)
    expect(stderr).toMatch(
      /rank 0 on localhost was lost: hvdrun's agent on localhost has died; the other ranks were ended/,
    )
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('of hvdrun and its agent at once', async () => {
    const job = await hvdrun(['-np', '2', '--', 'sh', '-c', 'trap "" TERM; echo up; sleep 100'])
    for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:up`))
    kill(processesOf(job.marker).find((pid) => commandOf(pid).includes('agent.js'))!)
    job.child.kill('SIGKILL')
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('of all ranks but one', async () => {
    const { job, pids } = await start()
    for (const pid of pids.slice(1)) kill(pid)
    expect((await job.ended).code).toBe(137)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hvdrun, jsonOf, linesOf, pretendedSsh, processesOf, script, temporaryFolder } from '../support/hvdrun'

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
    const { code, stdout } = await (await hvdrun([...args, 'NODE', 'PROGRAM', 'sum'], { cwd: folder })).ended
    expect(code).toBe(0)
    expect(jsonOf(stdout, 0).place).toEqual([0, 3, 0, 2, 0, 2])
    expect(jsonOf(stdout, 1).place).toEqual([1, 3, 1, 2, 0, 1])
    expect(jsonOf(stdout, 2).place).toEqual([2, 3, 0, 1, 1, 2])
  })

  test('needs no ssh for an address of this host, nor brackets for another', async () => {
    const folder = temporaryFolder()
    const ssh = script(folder, 'ssh-here', 'echo "$1" > host; shift; exec sh -c "$1"')
    const here = await hvdrun(['-H', '[::1]:1', '--ssh-command', 'false', 'echo', 'hello'])
    expect(linesOf((await here.ended).stdout, 0)).toEqual(['hello'])
    const there = await hvdrun(['-H', '[2001:db8::7]:1', '--ssh-command', ssh, 'echo', 'hello'], { cwd: folder })
    expect(linesOf((await there.ended).stdout, 0)).toEqual(['hello'])
    expect(readFileSync(join(folder, 'host'), 'utf8')).toBe('2001:db8::7\n')
  })

  test('ssh gets its port and key; the secret and the environment are in no command line', async () => {
    const folder = temporaryFolder()
    const ssh = script(folder, 'ssh-here', 'echo "$@" >> words; shift 5; exec sh -c "$1"')
    const command = ['sh', '-c', 'tr "\\0" "\\n" < /proc/$PPID/cmdline; echo $HOROVOD_SECRET_KEY $OF_THE_USER']
    const args = ['-np', '1', '-H', 'alpha', '--ssh-command', ssh, '-p', '2222', '-i', 'key', '--', ...command]
    const job = await hvdrun(args, { cwd: folder, environment: { OF_THE_USER: 'mine' } })
    const { stdout } = await job.ended
    const [secret, own] = linesOf(stdout, 0).at(-1)!.split(' ')
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect(own).toBe('mine')
    const words = readFileSync(join(folder, 'words'), 'utf8')
    expect(words).toMatch(/^-p 2222 -i key alpha exec '.*' '.*agent.js'\n$/)
    for (const text of [words, linesOf(stdout, 0).slice(0, -1).join()]) expect(text).not.toContain(secret)
  })

  test("what is each host's own is not taken from hvdrun's", async () => {
    const ssh = script(temporaryFolder(), 'other', 'shift; unset TMPDIR SHELL; HOME=/elsewhere exec sh -c "$1"')
    const environment = { TMPDIR: '/mine', SHELL: '/bin/mine', HOME: '/home/mine', MINE: 'too' }
    const command = ['--', 'sh', '-c', 'echo "[$TMPDIR][$SHELL][$HOME][$MINE]"']
    const job = await hvdrun(['-np', '1', '-H', 'alpha', '--ssh-command', ssh, ...command], { environment })
    expect(linesOf((await job.ended).stdout, 0)).toEqual(['[][][/elsewhere][too]'])
  })

  test('a shell that greets is listened to, and ignored', async () => {
    const ssh = script(
      temporaryFolder(),
      'greeting',
      'shift; echo Welcome; echo "{"; printf "to alpha: "; exec sh -c "$1"',
    )
    const { ended } = await hvdrun(['-np', '1', '-H', 'alpha', '--ssh-command', ssh, 'echo', 'hello'])
    expect(linesOf((await ended).stdout, 0)).toEqual(['hello'])
  })

  test('options go to the ranks; what the user has exported stays', async () => {
    const variables = ['HOROVOD_TRANSPORT', 'HOROVOD_FUSION_THRESHOLD', 'HOROVOD_STALL_CHECK_TIME_SECONDS']
    const command = ['--', 'sh', '-c', `echo ${variables.map((name) => `$${name}`).join(' ')} $HOROVOD_RANK`]
    const environment = { HOROVOD_TRANSPORT: 'tcp', HOROVOD_STALL_CHECK_TIME_SECONDS: '7', HOROVOD_RANK: '5' }
    const told = async (args: string[]) => {
      const { stdout } = await (await hvdrun(['-np', '1', ...args, ...command], { environment })).ended
      return linesOf(stdout, 0)
    }
    expect(await told([])).toEqual(['tcp 7 0'])
    const options = ['--transport', 'shm', '--fusion-threshold-mb', '2', '--stall-check-warning-time-seconds', '9']
    expect(await told(options)).toEqual([`shm ${2 * 2 ** 20} 9 0`])
  })

  test('commands of installed packages are found, as npx finds them', async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'package.json'), '{}')
    const bin = join(cwd, 'node_modules', '.bin')
    script(bin, 'trainer', 'echo "$HOROVOD_RANK trains $1"')
    const { stdout } = await (await hvdrun(['-np', '2', 'npx', 'trainer', '--fast'], { cwd })).ended
    for (const rank of [0, 1]) expect(linesOf(stdout, rank)).toEqual([`${rank} trains --fast`])
    const environment = { PATH: '/usr/bin:/bin' }
    const bare = await (await hvdrun(['-np', '1', 'trainer', 'alone'], { cwd, environment })).ended
    expect(linesOf(bare.stdout, 0)).toEqual(['0 trains alone'])
  })
})

describe('output', () => {
  test('is whole lines', async () => {
    // A line in two pieces, cut within a character.
    const shell = 'printf "one \\303"; sleep 0.2; printf "\\274\\ntwo"; echo aside >&2'
    const { ended } = await hvdrun(['-np', '2', '--', 'sh', '-c', shell])
    const { code, stdout, stderr } = await ended
    expect(code).toBe(0)
    for (const rank of [0, 1]) {
      expect(linesOf(stdout, rank)).toEqual(['one ü', 'two'])
      expect(linesOf(stderr, rank, 'stderr')).toEqual(['aside'])
    }
  })

  test('long lines, missing ends of lines and lines written over come through', async () => {
    const { ended } = await hvdrun(['-np', '2', 'NODE', 'PROGRAM', 'text'])
    const { stdout, stderr } = await ended
    expect(linesOf(stdout, 1)).toEqual([`grüße ${'x'.repeat(100_000)}`, 'no end of line'])
    expect(linesOf(stderr, 1, 'stderr').at(-1)).toBe('100%')
  })

  test('of many ranks at once is not mixed within a line', async () => {
    const line = 'i=0; while [ $i -lt 400 ]; do printf "<%s " $i; printf "%s>\\n" $HOROVOD_RANK; i=$((i+1)); done'
    const { stdout } = await (await hvdrun(['-np', '4', '--', 'sh', '-c', line])).ended
    for (const rank of [0, 1, 2, 3])
      expect(linesOf(stdout, rank)).toEqual(Array.from({ length: 400 }, (_, i) => `<${i} ${rank}>`))
  })

  test('--output-filename keeps the bytes of each rank as they were', async () => {
    const cwd = temporaryFolder()
    const command = ['--', 'sh', '-c', 'printf "\\303\\274\\377\\r10%%\\r$HOROVOD_RANK"; echo aside >&2']
    await (await hvdrun(['-np', '2', '--output-filename', 'out/here', ...command], { cwd })).ended
    expect(readdirSync(join(cwd, 'out/here')).sort()).toEqual(['rank.0', 'rank.1'])
    expect(readFileSync(join(cwd, 'out/here/rank.1/stdout'))).toEqual(Buffer.from('\xc3\xbc\xff\r10%\r1', 'latin1'))
    expect(readFileSync(join(cwd, 'out/here/rank.0/stderr'), 'utf8')).toBe('aside\n')
  })

  test('--output-filename keeps it by process where the job is elastic', async () => {
    const cwd = temporaryFolder()
    // Who ends without having taken part ends the job, and with it the other: so they wait for each other's line.
    const both = '[ -s out/process.0/stdout ] && [ -s out/process.1/stdout ]'
    const command = ['--', 'sh', '-c', `echo hello; until ${both}; do sleep 0.05; done`]
    await (await hvdrun(['--min-np', '2', '--output-filename', 'out', ...command], { cwd })).ended
    expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['process.0', 'process.1'])
    for (const i of [0, 1]) expect(readFileSync(join(cwd, `out/process.${i}/stdout`), 'utf8')).toBe('hello\n')
  })

  test('timestamps and --verbose', async () => {
    const { ended } = await hvdrun(['-np', '1', '--verbose', '--prefix-output-with-timestamp', 'echo', 'hello'])
    const { stdout, stderr } = await ended
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \[0\]<stdout>:hello\n$/)
    expect(stderr).toBe('hvdrun: rank 0 on localhost: echo hello\n')
  })
})

describe('output that nobody reads', () => {
  const PIECE = 2 ** 16
  const flood = `while :; do printf "%${PIECE}d\\n" 0; i=$((i+1)); echo $i > count.new; mv count.new count; done`
  /** Of rank 0, which writes as much as it may; the test reads nothing. */
  const start = async (others = 'sleep 100', options: string[] = [], cwd = temporaryFolder()) => {
    const job = await hvdrun(
      ['-np', '2', ...options, '--', 'sh', '-c', `[ $HOROVOD_RANK = 0 ] || { ${others}; }; ${flood}`],
      {
        cwd,
      },
    )
    if (options.length === 0) job.child.stdout!.pause()
    const bytes = () => (existsSync(join(cwd, 'count')) ? Number(readFileSync(join(cwd, 'count'), 'utf8')) * PIECE : 0)
    const waits = async () => {
      for (let before = -1, now = 0; now === 0 || now > before; await sleep(2000)) [before, now] = [now, bytes()]
    }
    return { ...job, cwd, bytes, waits }
  }
  const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

  test('makes the ranks wait, and is not kept in memory', async () => {
    const { child, ended, bytes, waits } = await start()
    await waits()
    const before = bytes()
    expect(before).toBeLessThan(16 * 2 ** 20)
    child.stdout!.resume()
    while (bytes() < before + 16 * 2 ** 20) await sleep(50)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(143)
  })

  test('nor where a file takes no more', async () => {
    const cwd = temporaryFolder()
    const pipe = join(cwd, 'out/rank.0/stdout')
    mkdirSync(dirname(pipe), { recursive: true })
    execFileSync('mkfifo', [pipe])
    const { child, ended, bytes, waits } = await start(undefined, ['--output-filename', 'out'], cwd)
    await waits()
    const before = bytes()
    expect(before).toBeLessThan(16 * 2 ** 20)
    const reader = spawn('cat', [pipe], { stdio: 'ignore' })
    while (bytes() < before + 16 * 2 ** 20) await sleep(50)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(143)
    reader.kill()
  })

  test('hides no failure: the others are ended, and it is told with its last lines', async () => {
    const others = 'until [ -e go ]; do sleep 0.05; done; seq 30000; echo the reason; exit 5'
    const { child, cwd, marker, ended, waits, says } = await start(others)
    await waits()
    writeFileSync(join(cwd, 'go'), '')
    await says(
      /rank 1 on localhost exited with code 5; the other ranks were ended\nits last lines:\n(.*\n)+ {2}the reason\n/,
    )
    while (processesOf(marker).some((pid) => pid !== child.pid)) await sleep(50)
    child.stdout!.resume()
    expect((await ended).code).toBe(5)
  })
})

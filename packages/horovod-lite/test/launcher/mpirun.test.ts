import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findMpi } from '../../src/transports/mpi/find'
import { hvdrun, interruptTwice, jsonOf, kill, leftOf, linesOf, temporaryFolder } from '../support/hvdrun'
import { whyNoMpirun } from '../support/mpirun'

const problem = whyNoMpirun() ?? findMpi()
const mpi = (size: number, ...words: string[]) => hvdrun(['-np', String(size), '--transport', 'mpi', ...words])
const train = async () => {
  const job = await mpi(2, 'NODE', 'PROGRAM', 'train')
  const pids = []
  for (const rank of [0, 1]) pids.push(Number((await job.says(new RegExp(`rank ${rank} is ready, pid (\\d+)`)))[1]))
  return { job, pids }
}

describe.skipIf(problem)(`hvdrun --transport mpi${problem ? ` (${problem})` : ''}`, () => {
  test('runs the ranks under mpirun; their output looks as ever', async () => {
    const cwd = temporaryFolder()
    const args = ['-np', '2', '--transport', 'mpi', '--output-filename', 'out', '--verbose', 'NODE', 'PROGRAM', 'sum']
    const { code, stdout, stderr } = await (await hvdrun(args, { cwd })).ended
    expect(code).toBe(0)
    for (const rank of [0, 1])
      expect(jsonOf(stdout, rank)).toEqual({ place: [rank, 2, rank, 2, 0, 1], sum: 1, transport: 'mpi' })
    expect(readFileSync(join(cwd, 'out/rank.1/stdout'), 'utf8')).toContain('"transport":"mpi"')
    expect(stderr).toMatch(/^hvdrun: mpirun -np 2 -H localhost:2 --bind-to none --map-by slot .*-x HOROVOD_TRANSPORT/m)
  })

  test('long lines, missing ends of lines and lines written over come through', async () => {
    const { stdout, stderr } = await (await mpi(2, 'NODE', 'PROGRAM', 'text')).ended
    expect(linesOf(stdout, 1)).toEqual([`grüße ${'x'.repeat(100_000)}`, 'no end of line'])
    expect(linesOf(stderr, 1, 'stderr').at(-1)).toBe('100%')
  })

  test('the first failure is named as ever', async () => {
    const job = await mpi(3, 'NODE', 'PROGRAM', 'exit', '2')
    const { code, stderr } = await job.ended
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /hvdrun: rank 2 on localhost exited with code 3; the other ranks were ended\nits last lines:\n(.*\n)*? {2}the reason\n {2}last words\n$/,
    )
    expect(stderr).not.toContain('Primary job')
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('so is a rank that was killed', async () => {
    const { job, pids } = await train()
    kill(pids[1]!)
    const { code, stderr, seconds } = await job.ended
    expect(code).toBe(137)
    expect(seconds).toBeLessThan(15)
    expect(stderr).toMatch(/hvdrun: rank 1 on \S+ was killed by SIGKILL; the other ranks were ended/)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('SIGTERM ends all', async () => {
    const { job } = await train()
    job.child.kill('SIGTERM')
    expect((await job.ended).code).toBe(143)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('one Ctrl-C that comes twice, as under npx, does not kill the ranks', async () => {
    const cwd = temporaryFolder()
    // mpirun passes on nothing that they say now. It kills them after 1 s, and when the first has ended.
    const told = ': > told.$OMPI_COMM_WORLD_RANK; kill $!; sleep 0.2; exit 0'
    const command = `trap '${told}' TERM; sleep 100 & echo up; wait`
    const job = await hvdrun(['-np', '2', '--transport', 'mpi', '--', 'sh', '-c', command], { cwd })
    for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:up`))
    await interruptTwice(job)
    await job.ended
    expect(readdirSync(cwd).sort()).toEqual(['told.0', 'told.1'])
  })

  test('kill -9 of hvdrun leaves nothing behind', async () => {
    const { job } = await train()
    job.child.kill('SIGKILL')
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test("what mpirun complains about is said in mpirun's words", async () => {
    const { code, stderr } = await (await mpi(2, 'no-such-command')).ended
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/Executable: no-such-command/)
    expect(stderr).toMatch(/hvdrun: mpirun ended with code \d+; what it says is above\n$/)
  })

  test('--mpi-args are given to it', async () => {
    const args = ['--mpi-args=--mca btl self,vader', '--verbose', '--', 'true']
    const { stderr } = await (await mpi(1, ...args)).ended
    expect(stderr).toMatch(/--mca btl self,vader true\n/)
  })
})

test('without mpirun one line says what to install', async () => {
  const environment = { PATH: temporaryFolder() }
  const { code, stderr } = await (await hvdrun(['-np', '2', '--transport', 'mpi', '/bin/true'], { environment })).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/^hvdrun: --transport mpi: mpirun did not run: .*; install Open MPI [^\n]*\n$/)
})

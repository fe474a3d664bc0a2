import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { place } from '../src/place'
import { succeed, temporaryFolder } from './command-line'
import { app, failureIn, runRanks, startRanks } from './hvdrun'
import { tiny } from './training/tiny'

// What several processes do that were started together for the work of one.

const room = temporaryFolder()
beforeAll(async () => {
  await succeed('data generate --data-dir set --image-size 16 --defective 2 --clean 0', room)
  await succeed(`train ${tiny} --num-iter 1`, room)
})

/** Lines by the rank that said them. */
const linesOf = (output: string) => {
  const lines = [...output.matchAll(/^\[(\d+)\]<std...>:(.*)$/gm)]
  return [0, 1].map((wanted) => lines.flatMap(([, rank, line]) => (Number(rank) === wanted ? [line!] : [])))
}

test.each([
  ['predict', 'predict set/Class1/Train/0576.PNG set/Class1/Train/0577.PNG', 2, 'predictions'],
  ['data', 'data generate --data-dir more --image-size 16 --defective 2 --clean 0', 1, 'more/Class1'],
  ['summary', 'summary --image-size 16 --json', 1, '.'],
])('%s is done once, by the first', async (command, args, lines, folder) => {
  const { code, stdout, stderr } = await runRanks(2, args, room)
  expect({ code, stderr: code ? stderr : '' }).toEqual({ code: 0, stderr: '' })
  const [first, second] = linesOf(stdout)
  expect([first!.length >= lines, second]).toEqual([true, []])
  const [told, silent] = linesOf(stderr)
  expect([told![0], silent]).toEqual([`${command} is done by one process, the first of 2`, []])
  expect(readdirSync(join(room, folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('doctor speaks once for each host', async () => {
  const { code, stdout } = await runRanks(2, 'doctor --backend cpu --json', room)
  const [first, second] = linesOf(stdout)
  expect([code, first!.length, second]).toEqual([0, 1, []])
  const script = `HOROVOD_LOCAL_RANK=0 HOROVOD_LOCAL_SIZE=1 exec ${process.execPath} ${app} doctor --backend cpu --json`
  const { stdout: ofTwoHosts } = await startRanks(['-np', '2', 'sh', '-c', script], room).ended
  expect(linesOf(ofTwoHosts).map((lines) => lines.length)).toEqual([1, 1])
})

test('a wrong command line is said once', async () => {
  const { code, stderr } = await runRanks(2, 'train --bach-size 3', room)
  expect(code).toBe(2)
  expect(failureIn(stderr)).toEqual({
    first: 0,
    how: 'exited with code 2',
    said: [expect.stringMatching(/^unet-industrial: unknown flag --bach-size; /)],
    others: [],
  })
})

test('an error that only another rank has is said, too', async () => {
  const script = `exec ${process.execPath} ${app} train ${tiny} --num-iter 1 $([ $HOROVOD_RANK = 1 ] && echo --bach-size 3)`
  const { code, stderr } = await startRanks(['-np', '2', 'sh', '-c', script], room).ended
  expect([code, failureIn(stderr).first]).toEqual([2, 1])
  expect(failureIn(stderr).said).toEqual([expect.stringMatching(/unknown flag --bach-size/)])
})

test.each([
  [{}, [0, 1, 0]],
  [{ HOROVOD_RANK: '3', HOROVOD_SIZE: '4', HOROVOD_LOCAL_RANK: '1', HOROVOD_LOCAL_SIZE: '2' }, [3, 4, 1]],
  [{ OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '2' }, [1, 2, 1]],
  [{ SLURM_NTASKS: '4' }, [0, 1, 0]], // the shell of salloc
  [{ SLURM_PROCID: '0' }, [0, 1, 0]],
])('with %j', async (environment, [rank, size, localRank]) => {
  expect(await place(environment)).toMatchObject({ rank, size, localRank })
})

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { succeed, temporaryFolder } from '../command-line'
import { app, failureIn, runRanks, startRanks } from '../hvdrun'
import { tiny } from './tiny'

// How the training of several processes ends early.

const room = temporaryFolder()
const train = (name: string, more: string, images = 4) =>
  `train ${tiny} --synthetic-defective ${images} --run-name ${name} ${more}`

/** Two ranks; each leaves its process's number in a file, `<name>-<rank>`. */
function startTwo(name: string, more: string) {
  const command = `${process.execPath} ${app} ${train(name, more)}`
  const job = startRanks(['-np', '2', 'sh', '-c', `echo $$ > ${name}-$HOROVOD_RANK; exec ${command}`], room)
  return { ...job, pid: (rank: number) => Number(readFileSync(join(room, `${name}-${rank}`), 'utf8')) }
}

describe('SIGINT ends all ranks after the same step, saved, and one process goes on; it comes', () => {
  test.each(['to all', 'to rank 1'])('%s', async (whom) => {
    const name = whom.replaceAll(' ', '-')
    const job = startTwo(name, '--num-iter 100000 --display-every 5')
    await job.says(/step 5\//)
    if (whom === 'to all') job.child.kill('SIGINT')
    else process.kill(job.pid(1), 'SIGINT')
    const { code, stdout } = await job.ended
    expect(code).toBe(130)
    const said = new RegExp(
      `stopped after step (\\d+) and saved; go on with: unet-industrial train --resume ${name}`,
    ).exec(stdout)
    await succeed(`train --resume ${name} --num-iter ${Number(said![1]) + 1}`, room)
  })
})

describe('an error ends all; the first rank that fails is named, and has said in a line why. The others are ended, or say a line, too:', () => {
  /** A rank that heard of the first one's end before it was ended itself may name that. */
  const expectOneLine = ({ stderr }: { stderr: string }, how: string, line: RegExp) => {
    const failure = failureIn(stderr)
    expect(failure.how).toBe(how)
    expect(failure.said).toEqual([expect.stringMatching(line)])
    for (const other of failure.others) expect(other).toMatch(new RegExp(`${line.source}|^unet-industrial: .*rank \\d`))
    expect(failure.others.length).toBeLessThanOrEqual(1) // of the one other rank
    return failure
  }

  test('a loss that is not finite', async () => {
    const ended = await runRanks(2, train('nan', '--num-iter 30 --learning-rate 1e30'), room)
    expect(ended.code).toBe(1)
    const line = /^unet-industrial: the loss is \S+ at step \d+ on rank \d; the last checkpoint is from before/
    expectOneLine(ended, 'exited with code 1', line)
  })

  test('other images on another host; nothing is written on either', async () => {
    await succeed('data generate --data-dir host0/set --split train --image-size 16 --defective 3 --clean 2', room)
    cpSync(join(room, 'host0'), join(room, 'host1'), { recursive: true })
    rmSync(join(room, 'host1/set/Class1/Train/0577.PNG'))
    const script = `cd host$HOROVOD_RANK; exec ${process.execPath} ${app} train --data-dir set --iter-unit batch --num-iter 1 --batch-size 1`
    const ended = await startRanks(['-np', '2', 'sh', '-c', script], room).ended
    expect(ended.code).toBe(1)
    const line =
      /^unet-industrial: rank 1 finds other images in set than rank 0: 4 images, 2 defective, there 5 images, 3 defective; give every host the same$/
    expectOneLine(ended, 'exited with code 1', line)
    for (const host of ['host0', 'host1']) expect(readdirSync(join(room, host))).toEqual(['set'])
  })

  test('no images on another host', async () => {
    await succeed('data generate --data-dir here/set --split train --image-size 16 --defective 3 --clean 2', room)
    mkdirSync(join(room, 'there'))
    const script = `[ $HOROVOD_RANK = 0 ] && cd ../here; exec ${process.execPath} ${app} train --data-dir set --iter-unit batch --num-iter 1 --batch-size 1`
    const ended = await startRanks(['-np', '2', 'sh', '-c', script], join(room, 'there')).ended
    expect(ended.code).toBe(1)
    expect(expectOneLine(ended, 'exited with code 1', /^unet-industrial: .*\bset\b/).first).toBe(1)
    expect([readdirSync(join(room, 'here')), readdirSync(join(room, 'there'))]).toEqual([['set'], []])
  })

  test('an image on another host that cannot be read; nothing is written on either', async () => {
    await succeed('data generate --data-dir whole/set --split train --image-size 16 --defective 4 --clean 1', room)
    cpSync(join(room, 'whole'), join(room, 'broken'), { recursive: true })
    writeFileSync(join(room, 'broken/set/Class1/Train/0577.PNG'), 'no picture') // rank 1's: the second that is defective
    const script = `[ $HOROVOD_RANK = 0 ] && cd ../whole; exec ${process.execPath} ${app} train --data-dir set --iter-unit batch --num-iter 1 --batch-size 1`
    const ended = await startRanks(['-np', '2', 'sh', '-c', script], join(room, 'broken')).ended
    expect(ended.code).toBe(1)
    expect(expectOneLine(ended, 'exited with code 1', /^unet-industrial: .*0577\.PNG/).first).toBe(1)
    for (const host of ['whole', 'broken']) expect(readdirSync(join(room, host))).toEqual(['set'])
  })

  test('fewer images than processes', async () => {
    const ended = await runRanks(2, train('few', '--num-iter 1', 1), room)
    expect(ended.code).toBe(2)
    const line =
      /^unet-industrial: 2 processes cannot share 1 defective training image\(s\): each needs one; start at most 1$/
    expect(expectOneLine(ended, 'exited with code 2', line)).toMatchObject({ first: 0, others: [] })
    expect(existsSync(join(room, 'runs/few'))).toBe(false)
  })

  test('a global batch that cannot be shared', async () => {
    const ended = await runRanks(
      2,
      train('odd', '--num-iter 1').replace('--batch-size 2', '--global-batch-size 5'),
      room,
    )
    expect(ended.code).toBe(2)
    const line = /^unet-industrial: --global-batch-size 5 cannot be shared by 2 processes; choose a multiple of 2$/
    expect(expectOneLine(ended, 'exited with code 2', line)).toMatchObject({ first: 0, others: [] })
    expect(existsSync(join(room, 'runs/odd'))).toBe(false)
  })
})

describe('kill -9 of a rank in the middle of training ends all within five seconds, named, and the run goes on:', () => {
  test.each([0, 1])('of rank %i', async (victim) => {
    const name = `killed-${victim}`
    const checkpoints = join(room, 'runs', name, 'checkpoints')
    const tensors = (step: number, of = name) =>
      ['model.safetensors', 'optimizer.safetensors'].map((file) =>
        readFileSync(join(room, 'runs', of, 'checkpoints', `step-${String(step).padStart(8, '0')}`, file), 'base64'),
      )
    const job = startTwo(name, '--num-iter 100000 --display-every 1 --checkpoint-every 1')
    await job.says(/step 3\//)
    await new Promise((resolve) => setTimeout(resolve, 200 * Math.random())) // perhaps while it saves
    process.kill(job.pid(victim), 'SIGKILL')
    const killed = performance.now()
    const { code, stderr } = await job.ended
    expect((performance.now() - killed) / 1000).toBeLessThan(5)
    expect(code).toBe(137)
    expect(failureIn(stderr)).toMatchObject({ first: victim, how: 'was killed by SIGKILL' })
    for (const line of failureIn(stderr).others) expect(line).toMatch(/^unet-industrial: .*rank \d \(/)
    for (const rank of [0, 1]) expect(() => process.kill(job.pid(rank), 0)).toThrow('ESRCH')

    const last = Math.max(...readdirSync(checkpoints).map((entry) => Number(/^step-(\d+)$/.exec(entry)?.[1] ?? 0)))
    const steps = last + 2
    const { code: ended, stdout } = await runRanks(2, `train --resume ${name} --num-iter ${steps}`, room)
    expect(ended).toBe(0)
    expect(stdout).toContain(`going on with runs/${name} at step ${last} `)
    expect(readdirSync(checkpoints).filter((entry) => !/^step-\d{8}$/.test(entry))).toEqual([])
    await runRanks(2, train(`${name}-whole`, `--num-iter ${steps}`), room)
    expect(tensors(steps)).toEqual(tensors(steps, `${name}-whole`))
  })
})

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readLines, start, succeed, temporaryFolder } from '../command-line'
import { tiny } from './tiny'

const steps = 14
const flags = `${tiny} --num-iter ${steps} --display-every 1`

const checkpointFiles = (cwd: string, run: string, step: number) => {
  const path = join(cwd, 'runs', run, 'checkpoints', `step-${String(step).padStart(8, '0')}`)
  return new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]))
}

describe('a run that was interrupted', () => {
  const cwd = temporaryFolder()
  let whole: Map<string, Buffer>

  /** The same to the bit, in every file: model, optimizer, data set. */
  const expectWhole = (run: string) => {
    const files = checkpointFiles(cwd, run, steps)
    expect([...files.keys()].sort()).toEqual(['model.safetensors', 'optimizer.safetensors', 'state.json'])
    for (const [name, content] of files) expect(content.equals(whole.get(name)!), name).toBe(true)
  }

  beforeAll(async () => {
    await succeed(`train ${flags} --run-name whole`, cwd)
    whole = checkpointFiles(cwd, 'whole', steps)
  })

  test('SIGINT finishes the step, saves and says how to resume; resumed, it ends with the same bits', async () => {
    const running = start(`train ${flags} --run-name a`, cwd)
    await running.says(/^step 3\//m)
    running.child.kill('SIGINT')
    const { code, stdout } = await running.ended
    const [, stopped] = /^stopped after step (\d+) and saved; go on with: unet-industrial train --resume a$/m.exec(
      stdout,
    )!
    expect(Number(stopped)).toBeGreaterThanOrEqual(3)
    expect(Number(stopped)).toBeLessThan(steps)
    expect(stdout).toContain('finishing the step and saving; once more ends at once')
    expect(code).toBe(130)

    const resumed = await succeed('train --resume a', cwd)
    expect(resumed.stdout).toMatch(new RegExp(`^going on with runs/a at step ${stopped} `, 'm'))
    expectWhole('a')
    const lines = readLines(cwd, 'runs/a/metrics.jsonl')
    const trained = lines.filter(({ type }) => type === 'train').map(({ step }) => step)
    expect(trained).toEqual([...new Set(trained)].sort((x, y) => x - y))
    const last = (run: string) => {
      const { time, imagesPerSecond, ...numbers } = readLines(cwd, `runs/${run}/metrics.jsonl`).at(-1)
      return numbers
    }
    expect(last('a')).toEqual(last('whole'))
  })

  test('SIGTERM does the same', async () => {
    const running = start(`train ${flags} --run-name t`, cwd)
    await running.says(/^step 2\//m)
    running.child.kill('SIGTERM')
    const { code, stdout } = await running.ended
    expect(stdout).toMatch(/^stopped after step \d+ and saved/m)
    expect(code).toBe(143)
  })

  test('two SIGINTs at once, as npx gives them, are one', async () => {
    const running = start(`train ${flags} --run-name npx`, cwd)
    await running.says(/^step 1\//m)
    running.child.kill('SIGINT')
    running.child.kill('SIGINT')
    const { stdout } = await running.ended
    expect(stdout).toMatch(/^stopped after step \d+ and saved/m)
  })

  test.each([1, 2, 3])(
    'kill -9 at a random moment (%i): the last checkpoint loads, and the run ends with the same bits',
    async (n) => {
      const name = `killed${n}`
      const running = start(`train ${flags} --checkpoint-every 1 --run-name ${name}`, cwd)
      await running.says(/^step 2\//m)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500))
      running.child.kill('SIGKILL')
      const { signal } = await running.ended
      expect(signal).toBe('SIGKILL')
      const checkpoints = join(cwd, 'runs', name, 'checkpoints')
      const draft = join(checkpoints, '.step-00000099.1.tmp')
      mkdirSync(draft)
      writeFileSync(join(draft, 'model.safetensors'), 'half')

      await succeed(`train --resume ${name}`, cwd)
      expectWhole(name)
      expect(readdirSync(checkpoints).filter((entry) => !/^step-\d{8}$/.test(entry))).toEqual([])
    },
  )

  test('an older checkpoint can be gone on from; what came later is forgotten', async () => {
    await succeed(`train ${flags} --checkpoint-every 5 --run-name older`, cwd)
    rmSync(join(cwd, 'runs/older/report.html'))
    const { stdout } = await succeed('train --resume runs/older/checkpoints/step-00000005', cwd)
    expect(stdout).toMatch(/^going on with runs\/older at step 5 /m)
    expectWhole('older')
  })
})

test('with a loss scale that changes, and a rate that falls, the bits are the same, too', async () => {
  const cwd = temporaryFolder()
  const changing = `${tiny} --num-iter 8 --amp --learning-rate-decay-steps 3`
  await succeed(`train ${changing} --run-name whole`, cwd)
  await succeed(`train ${changing} --run-name parts --num-iter 3`, cwd)
  await succeed('train --resume parts --num-iter 8', cwd)
  const [whole, parts] = ['whole', 'parts'].map((run) => checkpointFiles(cwd, run, 8))
  for (const [name, content] of parts!) expect(content.equals(whole!.get(name)!), name).toBe(true)
  expect(readLines(cwd, 'runs/parts/metrics.jsonl').at(-1).learningRate).toBeLessThan(1e-4)
})

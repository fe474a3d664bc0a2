import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { findOption } from '../../src/options/names'
import { readJson, readLines, run, succeed, temporaryFolder } from '../command-line'
import { tiny } from './tiny'

describe('train-and-evaluate', () => {
  const cwd = temporaryFolder()
  const path = join(cwd, 'runs/a')
  let stdout: string

  beforeAll(async () => {
    const flags =
      '--num-iter 12 --run-name a --log-dir log.json --save-eval-results-to-json --synthetic-test 5 --warmup-step 2'
    stdout = (await succeed(`train-and-evaluate ${tiny} ${flags} --sample-every 6`, cwd)).stdout
  })

  test('says what it does, a line for the first step and for the last', () => {
    expect(stdout).toMatch(/^run runs\/a · 3 images, 12 steps of 2 · backend \w+ \(.*\)$/m)
    expect(stdout).toMatch(
      /^step 1\/12 · loss \d\.\d{4} · dice \d\.\d{4} · bce {2}· lr 1\.00e-4 · [\d.]+ img\/s · .* left$/m,
    )
    expect(stdout).toMatch(/^step 12\/12 /m)
    expect(stdout).toMatch(/^report: runs\/a\/report\.html$/m)
  })

  test('config.json holds options and nothing else', () => {
    const config = readJson(path, 'config.json')
    expect(Object.keys(config).map(findOption)).toEqual(Object.keys(config))
    expect(config).toMatchObject({ numIter: 12, batchSize: 2, datasetName: 'synthetic', learningRate: 1e-4 })
    for (const name of ['resume', 'runName', 'config']) expect(config).not.toHaveProperty(name)
  })

  test('metrics.jsonl has the start, every tenth step and the last, and the evaluation; --log-dir the same', () => {
    const lines = readLines(path, 'metrics.jsonl')
    expect(lines.map(({ type, step }) => `${type} ${step}`)).toEqual(['start 0', 'train 10', 'train 12', 'evaluate 12'])
    const [start, first] = lines
    expect(start).toMatchObject({ totalSteps: 12, trainingImages: 3, imageShape: [16, 16, 1], parameters: 1850305 })
    expect(first).toMatchObject({ branch: 'bce', lossScale: 1, epoch: 20 / 3 })
    expect(first.loss).toBeGreaterThan(first.weightDecay)
    expect(first.learningRate).toBe(Math.fround(1e-4))
    expect(first.imagesPerSecond).toBeGreaterThan(0)
    expect(readLines(cwd, 'log.json')).toEqual(lines)
  })

  test('eval.json is as the issue has it, with a batch larger than what is left', () => {
    const evaluation = readJson(path, 'eval.json')
    expect(evaluation).toMatchObject({ images: 5, defective: 3, checkpoint: { run: 'a', step: 12 } })
    expect(Object.keys(evaluation.thresholds)).toEqual('0.05 0.125 0.25 0.5 0.75 0.85 0.95 0.99'.split(' '))
    const at = evaluation.thresholds['0.75']
    expect(Object.keys(at)).toEqual('dice iou diceDefective iouDefective tp tn fp fn tpr tnr'.split(' '))
    expect(at.tp + at.tn + at.fp + at.fn).toBe(5)
    expect(evaluation.worst).toHaveLength(5)
    expect(existsSync(join(path, 'samples', `${evaluation.worst[0].pictures}-image.png`))).toBe(true)
  })

  test("the reference's files are there", () => {
    for (const name of ['performances_train.json', 'performances_eval.json']) {
      const { throughput, processing_time: time } = readJson(path, name)
      expect(Number(throughput)).toBeGreaterThan(0)
      expect(Number(time)).toBeGreaterThan(0)
    }
    const { IoU, TPR, TNR } = readJson(path, 'results.json')
    const { dice } = readJson(path, 'eval.json').thresholds['0.99']
    expect([IoU, TPR, TNR].map((column) => Object.keys(column))).toEqual(
      Array(3).fill(['0.75', '0.85', '0.95', '0.99']),
    )
    expect(IoU['0.99']).toBe(String(dice))
  })

  test('checkpoint, events, samples, report, latest', () => {
    expect(readdirSync(join(path, 'checkpoints'))).toEqual(['step-00000012'])
    const files = readdirSync(path)
    expect(files.filter((name) => name.startsWith('events.out.tfevents.'))).toHaveLength(1)
    expect(files).toContain('report.html')
    const samples = readdirSync(join(path, 'samples'))
    for (const step of ['step-00000006', 'step-00000012'])
      for (const name of ['image', 'mask', 'probability', 'threshold_0.75'])
        expect(samples).toContain(`${step}-${name}.png`)
    expect(readlinkSync(join(cwd, 'runs/latest'))).toBe('a')
  })

  test('evaluate measures the same again, with its own batch size, and prints JSON alone', async () => {
    const before = readJson(path, 'eval.json')
    const { stdout: printed } = await succeed('evaluate --json --batch-size 64', cwd)
    const [line, ...rest] = printed.trimEnd().split('\n')
    expect(rest).toEqual([])
    const { thresholds, auroc, averagePrecision } = JSON.parse(line!)
    expect({ thresholds, auroc, averagePrecision }).toEqual({
      thresholds: before.thresholds,
      auroc: before.auroc,
      averagePrecision: before.averagePrecision,
    })
    expect(readJson(path, 'eval.json')).toEqual(JSON.parse(line!))
  })

  test('evaluate takes a checkpoint by its path and prints a table', async () => {
    const { stdout: printed } = await succeed('evaluate --checkpoint runs/a/checkpoints/step-00000012', cwd)
    expect(printed).toMatch(/threshold .* dice .* TPR/)
    expect(printed).not.toContain('published')
  })

  test('the same name again is refused', async () => {
    const { code, stderr } = await run(`train ${tiny} --num-iter 1 --run-name a`, cwd)
    expect(stderr).toBe(
      'unet-industrial: run runs/a exists; continue it with --resume a, or choose another --run-name\n',
    )
    expect(code).toBe(1)
  })

  test('its config.json makes another run', async () => {
    await succeed('train --config runs/a/config.json --run-name b --num-iter 1', cwd)
    expect(readJson(cwd, 'runs/b/config.json')).toEqual({ ...readJson(path, 'config.json'), numIter: 1 })
    expect(readlinkSync(join(cwd, 'runs/latest'))).toBe('b')
  })

  test('a finished run has nothing to resume, and more steps go on', async () => {
    const { stdout: nothing } = await succeed('train --resume a', cwd)
    expect(nothing).toMatch(/run runs\/a is at step 12 of 12: nothing is left to train; raise --num-iter to go on/)
    const { stdout: more } = await succeed('train --resume a --num-iter 13', cwd)
    expect(more).toMatch(/^going on with runs\/a at step 12 .* 13 steps/m)
    expect(readdirSync(join(path, 'checkpoints'))).toEqual(['step-00000012', 'step-00000013'])
  })
})

test('the loss scale: TensorFlow’s with --use-auto-loss-scaling, the manual one with --amp, else none', async () => {
  const cwd = temporaryFolder()
  const scale = async (flags: string) => {
    const { stdout } = await succeed(`train ${tiny} --num-iter 1 ${flags}`, cwd)
    return { stdout, scale: readLines(cwd, 'runs/latest/metrics.jsonl').at(-1).lossScale }
  }
  const [none, auto, manual] = [
    await scale(''),
    await scale('--amp --use-auto-loss-scaling'),
    await scale('--amp --xla'),
  ]
  expect([none.scale, auto.scale, manual.scale]).toEqual([1, 2 ** 15, 2 ** 32])
  expect(manual.stdout).toMatch(/^--amp: this version computes in float32; the loss scale is applied$/m)
  expect(manual.stdout).toMatch(/^--xla: this version runs eagerly; nothing is compiled$/m)
  expect(none.stdout).not.toMatch(/--amp|--xla/)
})

test('every loss, and one whose branch is none', async () => {
  const cwd = temporaryFolder()
  for (const loss of ['x-entropy', 'l2_loss', 'dice_sorensen', 'dice_jaccard']) {
    await succeed(`train ${tiny} --num-iter 1 --loss-fn-name ${loss}`, cwd)
    expect(readLines(cwd, 'runs/latest/metrics.jsonl').at(-1)).toMatchObject({ type: 'train', branch: null })
  }
})

test('a training batch larger than the set repeats it', async () => {
  const cwd = temporaryFolder()
  const flags = tiny.replace('--batch-size 2', '--batch-size 8')
  await succeed(`train ${flags} --num-iter 2`, cwd)
  expect(readLines(cwd, 'runs/latest/metrics.jsonl').at(-1).epoch).toBe(16 / 3)
})

test('the demo is the recipe with other data: 2500 epochs unless told otherwise', async () => {
  const cwd = temporaryFolder()
  const { stdout } = await succeed('demo --num-iter 1 --image-size 16 --synthetic-test 4', cwd)
  expect(stdout).toMatch(/16 images, 1 steps of 16/)
  const config = readJson(cwd, 'runs/latest/config.json')
  expect(config).toMatchObject({ datasetName: 'synthetic', syntheticDefective: 16, iterUnit: 'epoch', batchSize: 16 })
  expect(readFileSync(join(cwd, 'runs/latest/report.html'), 'utf8')).toMatch(/difficulty easy/)
})

test("the reference's own command lines, as they are: train_and_evaluate, then evaluate", async () => {
  const cwd = temporaryFolder()
  for (const split of ['train', 'test'])
    await succeed(
      `data generate --data-dir made --class-id 8 --image-size 16 --defective 3 --clean 2 --split ${split}`,
      cwd,
    )
  const line = (mode: string) =>
    `--unet_variant=tinyUNet --activation_fn=relu --exec_mode=${mode} --iter_unit=batch --num_iter=2 --batch_size=2 ` +
    '--warmup_step=1 --results_dir=results --data_dir=made --dataset_name=DAGM2007 --dataset_classID=8 --data_format=NCHW ' +
    '--use_auto_loss_scaling --amp --noxla --learning_rate=1e-4 --learning_rate_decay_factor=0.8 ' +
    '--learning_rate_decay_steps=500 --rmsprop_decay=0.9 --rmsprop_momentum=0.8 --loss_fn_name=adaptive_loss ' +
    '--weight_decay=1e-5 --weight_init_method=he_uniform --augment_data --display_every=250 --debug_verbosity=0'
  const { stdout } = await succeed(line('train_and_evaluate'), cwd)
  expect(stdout).toMatch(/^warning: .*Class8.*150/m) // the official set has 150 defective images
  expect(stdout).toMatch(/^--data-format NCHW: .* it changes nothing here$/m)
  expect(stdout).toMatch(/3 images, 2 steps of 2/)
  expect(stdout).toMatch(/published .* 0\.970/)
  const before = readJson(cwd, 'results/latest/eval.json')
  expect(before).toMatchObject({ images: 5, defective: 3, data: { datasetName: 'DAGM2007', classId: 8 } })
  await succeed(line('evaluate'), cwd)
  expect(readJson(cwd, 'results/latest/eval.json')).toEqual(before)
})

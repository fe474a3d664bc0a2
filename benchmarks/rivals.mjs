// Images a second of this project and of its rivals on the same cores, in turn, so that a noisy machine treats all alike.
//
//   node benchmarks/rivals.mjs --python V/bin/python [--rivals f32,f32cl,compiled,bf16,bf16cl,tensorflow,tensorflow-bf16]
//        [--rounds 3] [--image-size 512] [--batch-size 2] [--threads 2] [--steps 5] [--task training,inference]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    rivals: { type: 'string', default: 'f32,f32cl' },
    rounds: { type: 'string', default: '3' },
    'image-size': { type: 'string', default: '512' },
    'batch-size': { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '5' },
    task: { type: 'string', default: 'training,inference' },
  },
})
const tasks = options.task.split(',')
const peers = join(process.env.UNET_SHARED_DIR ?? join(root, '../shared'), 'peers')

/** The last JSON line that a command prints. */
function measure(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

/** `{ imagesPerSecond, peakRssBytes }` of one task of this project. */
function ours(task) {
  const args = ['benchmark', task, '--image-size', options['image-size'], '--batch-size', options['batch-size']]
  args.push(
    '--threads',
    options.threads,
    '--num-iter',
    options.steps,
    '--warmup-step',
    '1',
    '--backend',
    'native',
    '--json',
  )
  return measure(process.execPath, [join(root, 'apps/reference/bin/unet-industrial.mjs'), ...args])
}

/** The same of a rival. */
function rival(name, task) {
  const python = name.startsWith('tensorflow')
    ? [join(peers, 'tf_unet.py'), '--dtype', name.endsWith('bf16') ? 'bfloat16' : 'float32']
    : [join(peers, 'torch_unet.py'), '--mode', name]
  const args = [
    ...python,
    '--batch',
    options['batch-size'],
    '--size',
    options['image-size'],
    '--threads',
    options.threads,
  ]
  const result = measure(options.python, [
    ...args,
    '--steps',
    options.steps,
    '--task',
    task === 'training' ? 'train' : 'infer',
  ])
  const imagesPerSecond = task === 'training' ? result.trainImagesPerSecond : result.inferImagesPerSecond
  return { imagesPerSecond, peakRssBytes: result.peakRssBytes }
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

const contenders = ['ours', ...options.rivals.split(',').filter(Boolean)]
for (const task of tasks) {
  const results = new Map(contenders.map((name) => [name, []]))
  for (let round = 0; round < Number(options.rounds); round++)
    for (const name of contenders) results.get(name).push(name === 'ours' ? ours(task) : rival(name, task))
  const rate = (name) => median(results.get(name).map((result) => result.imagesPerSecond))
  console.log(
    `\n${task}, ${options['image-size']}x${options['image-size']}, batch ${options['batch-size']}, ${options.threads} threads, median of ${options.rounds} rounds`,
  )
  console.table(
    Object.fromEntries(
      contenders.map((name) => [
        name,
        {
          'images/s': rate(name).toFixed(3),
          'ours / it': (rate('ours') / rate(name)).toFixed(2),
          'peak RSS, GB': (median(results.get(name).map((result) => result.peakRssBytes)) / 1e9).toFixed(2),
        },
      ]),
    ),
  )
}

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { repositoryRoot } from '@unet-internal/testing'
import { expect, test, vi } from 'vitest'

// `npm run bench` on the smallest images: that it measures, compares and writes. It never asks how fast.

vi.setConfig({ testTimeout: 180_000 }) // each is a dozen of processes

const folder = () => mkdtempSync(join(tmpdir(), 'unet-bench-'))
const read = (output: string, name: string) => readFileSync(join(output, name), 'utf8')

function start(args: string[], env: Record<string, string> = {}) {
  const words = [join(repositoryRoot, 'benchmarks/bench.mjs'), ...args]
  const child = spawn(process.execPath, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = Promise.all([
    new Promise<number | null>((resolve) => child.on('close', resolve)),
    text(child.stdout),
    text(child.stderr),
  ]).then(([code, stdout, stderr]) => ({ code, stdout, stderr }))
  return { child, ended }
}
const run = (args: string, env?: Record<string, string>) => start(args.split(' '), env).ended

/** A place where a rival's script lies, and what stands for Python there: a shell that does what it is told. */
function madeRival(does: string) {
  const shared = folder()
  mkdirSync(join(shared, 'peers'))
  writeFileSync(join(shared, 'peers/torch_unet.py'), '')
  const python = join(shared, 'python')
  writeFileSync(python, `#!/bin/sh\n[ "$1" = -c ] && exit 0\n${does}\n`)
  chmodSync(python, 0o755)
  return { python, env: { UNET_SHARED_DIR: shared } }
}

test('the table compares with the best rival, and each figure has its command', async () => {
  const line =
    '{"peer":"pytorch 9","task":"train","batch":1,"trainImagesPerSecond":0.001,"inferImagesPerSecond":0.002,"peakRssBytes":2e9}'
  const { python, env } = madeRival(`echo '${line}'`)
  const output = folder()
  const names = 'compiled,torch-f32,torch-f32cl'
  const args = `--quick --only speed,start --contenders ${names} --image-size 16 --torch-python ${python} -o ${output}`
  const { code, stderr } = await run(args, env)
  expect(stderr).toMatch(/\d measurements, about [^\n]*; Ctrl-C writes what is there\n/)
  expect(code).toBe(0)
  const results = read(output, 'RESULTS.md')
  expect(results).toMatch(/\| rivals \| pytorch 9 \|/)
  expect(results).toMatch(/\| PyTorch, channels last +\| +0\.00100 \| +\d+\.\d\dx \| +\S+ \|/)
  expect(results).toMatch(
    /- training: the best rival is PyTorch[^\n]* with 0\.00100 img\/s; ours is \d+\.\d\d times as fast\n/,
  )
  expect(results).toContain('    python ../shared/peers/torch_unet.py --mode f32 --batch 2 --size 16 --threads ')
  expect(results).toMatch(/ {4}npx unet-industrial benchmark training --image-size 16 .* --num-iter 1 --warmup-step 0 /)
  expect(results).not.toContain(repositoryRoot)
  const { measured } = JSON.parse(read(output, 'results.json'))
  expect(measured).toHaveLength(7)
  expect(measured[1]).toMatchObject({ contender: 'torch-f32', task: 'training', imagesPerSecond: 0.001, batchSize: 2 })
})

test('sizes and batches make a plot', async () => {
  const output = folder()
  const args = '--only sweep --contenders compiled,wasm --sizes 16,32 --batches 1'
  const { code, stderr } = await run(`--quick ${args} --image-size 16 -o ${output}`)
  expect([code, stderr]).toEqual([0, expect.stringContaining('speed.svg')])
  const svg = read(output, 'speed.svg')
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  expect(svg.match(/<polyline /g)).toHaveLength(2 + 2 * 2) // training and inference of ours, inference of wasm
  const results = read(output, 'RESULTS.md')
  expect(results).toContain('![Images a second against image size and batch](speed.svg)')
  expect(results).toMatch(/\| training, 16x16 +\| +[\d.]+ \| +– \|/)
  expect(results).not.toMatch(/NaN|undefined|wanted/)
})

test('memory, a single image, the binary and npm start have a section each', async () => {
  const output = folder()
  const args = `--only steady,latency,memory,size,demo --contenders compiled --image-size 16`
  const { code, stderr } = await run(`--quick ${args} -o ${output}`)
  expect([code, stderr]).toEqual([0, expect.stringContaining('wrote ')])
  const results = read(output, 'RESULTS.md')
  expect(results.match(/^## .*$/gm)).toEqual([
    '## Memory over time',
    '## One image of 16x16 in a warm process',
    '## Memory: training at 16x16, batch 4',
    '## Size of the binary',
    '## npm start',
  ])
  expect(results).not.toMatch(/NaN|undefined|wanted/)
})

test('a rival that is missing or fails is a line that says so, never a failure', async () => {
  const { python, env } = madeRival('echo some >&2; echo "no memory left" >&2; exit 1')
  const output = folder()
  const args = `--quick --only speed --contenders torch-f32,tensorflow -o ${output}`
  const failing = await run(`${args} --torch-python ${python} --tf-python /nowhere/python`, env)
  expect(failing.code).toBe(0)
  const results = read(output, 'RESULTS.md')
  expect(results).toContain('- PyTorch: training, 64x64, batch 2: no memory left')
  expect(results).toMatch(/- TensorFlow: not measured: .*tf_unet\.py is not here; UNET_SHARED_DIR names another folder/)
  writeFileSync(join(env.UNET_SHARED_DIR, 'peers/tf_unet.py'), '')
  const missing = await run(`${args} --torch-python /nowhere/python --tf-python ${process.execPath}`, env)
  expect(missing.code).toBe(0)
  expect(missing.stderr).toMatch(/^PyTorch: [^\n]*no such program; python3 -m venv V && V\/bin\/pip install torch/m)
  expect(missing.stderr).toMatch(/^TensorFlow: [^\n]*has no tensorflow; [^\n]* --tf-python V\/bin\/python$/m)
})

test('Ctrl-C writes what is there', async () => {
  const { python, env } = madeRival('exec sleep 600')
  const output = folder()
  const args = `--quick --only size,speed --contenders torch-f32 --torch-python ${python} -o ${output}`
  const { child, ended } = start(args.split(' '), env)
  child.stderr.on('data', (chunk) => {
    if (String(chunk).includes('1/')) setTimeout(() => child.kill('SIGINT'), 100)
  })
  expect((await ended).code).toBe(130)
  const results = read(output, 'RESULTS.md')
  expect(results).toContain('**Interrupted: not all was measured.**')
  expect(results).toMatch(/^## Size of the binary$/m)
})

test.each([
  ['--only nothing', /^bench: --only: got nothing, expected some of speed, .*; see npm run bench -- --help\n$/],
  ['--contenders me', /^bench: --contenders: got me, expected some of compiled, /],
  ['--rounds 0', /^bench: --rounds: got 0, expected a whole number of at least 1/],
  ['--sizes 16,x', /^bench: --sizes: got NaN, expected a whole number of at least 1/],
  ['--image-size 40', /^bench: --image-size: got 40, expected a multiple of 16/],
  ['--nonsense', /^bench: Unknown option '--nonsense'/],
])('%s is refused', async (args, message) => {
  const output = join(folder(), 'none')
  const { code, stderr } = await run(`${args} -o ${output}`)
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
  expect(existsSync(output)).toBe(false)
})

test('--help names all parts and contenders', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  for (const name of ['speed', 'demo', 'compiled', 'tfjs-node', '--torch-python', '--quick'])
    expect(stdout).toContain(name)
})

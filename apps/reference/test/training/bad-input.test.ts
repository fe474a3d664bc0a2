import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { refusedIn, run, start, succeed, temporaryFolder } from '../command-line'
import { tiny } from './tiny'

// Every error is one line on stderr and exit code 1, or 2 where the command line is wrong.

const cwd = temporaryFolder()

const refused = refusedIn(cwd)

test.each([
  ['train --bach-size 2', 2, /unknown flag --bach-size; did you mean --batch-size/],
  ['--exec_mode=train --bach_size=2', 2, /unknown flag --bach_size; did you mean --batch-size/],
  ['trian', 2, /no command trian; did you mean train\?/],
  ['train --class-id 11 --data-dir x', 2, /--class-id: got "11", expected a whole number from 1 to 10/],
  ['train', 2, /--data-dir is missing: name the folder of DAGM 2007, or use --dataset-name synthetic/],
  ['train --data-dir nowhere', 1, /nowhere/],
  ['train --resume', 1, /no run in runs yet: train one first/],
  ['train --resume b', 1, /found no run or checkpoint b, neither in runs nor as a path/],
  ['evaluate --checkpoint b', 1, /found no run or checkpoint b/],
  [`train ${tiny.replace('--image-size 16', '--image-size 40')}`, 1, /height 40 is not divisible by 16/],
  [`train ${tiny} --run-name a/b`, 1, /run name "a\/b" cannot be a folder's/],
  [`train ${tiny} --backend wasm`, 1, /backend wasm cannot train/],
  [`train ${tiny} --iter-unit epoch --batch-size 64 --num-iter 1`, 1, /1 epoch\(s\) of 3 images fill no batch of 64/],
] as const)('%s', (args, code, message) => refused(args, code, message))

test('an empty folder is no data set', () => {
  mkdirSync(join(cwd, 'empty'))
  return refused('train --data-dir empty', 1, /empty/)
})

test.skipIf(process.platform !== 'linux')(
  'a file system that takes no folders (skipped beyond Linux: /proc)',
  async () => {
    const { child, ended } = start(`train ${tiny} --results-dir /proc/a`, cwd)
    const deadline = setTimeout(() => child.kill('SIGKILL'), 20_000) // Node's own recursive mkdir never returns here
    const { code, stderr } = await ended
    clearTimeout(deadline)
    expect(stderr).toMatch(/^unet-industrial: cannot write \/proc\/a.*ENOENT.*; choose another --results-dir\n$/)
    expect(code).toBe(1)
  },
)

test('a reader that goes away ends it without a word', async () => {
  const running = start(`train ${tiny} --num-iter 500 --display-every 1`, cwd)
  await running.says(/^step 1\//m)
  running.child.stdout!.destroy()
  const { code, stderr } = await running.ended
  expect(stderr).toBe('')
  expect(code).toBe(141)
})

test('an error shows its stack with --debug-verbosity 2 only', async () => {
  const { stderr } = await run('train --data-dir nowhere --debug-verbosity 2', cwd)
  expect(stderr).toMatch(/^unet-industrial: .*\nError: .*\n {4}at /)
})

test('a loss that is not finite ends the run and names the step; the last good checkpoint stays', async () => {
  await succeed(`train ${tiny} --run-name nan --num-iter 2`, cwd)
  const message = /the loss is (NaN|Infinity) at step 4; the last checkpoint is from before: lower --learning-rate/
  await refused('train --resume nan --num-iter 60 --learning-rate 1e30', 1, message)
  const { stdout } = await succeed('train --resume nan --num-iter 3 --learning-rate 1e-4', cwd)
  expect(stdout).toMatch(/^going on with runs\/nan at step 2 /m)
})

test('weights that are not finite are no checkpoint', async () => {
  await succeed(`train ${tiny} --run-name inf --num-iter 2`, cwd)
  const message = /variable .* is not finite after step 3; the checkpoints before it stay/
  await refused('train --resume inf --num-iter 3 --learning-rate 1e39', 1, message)
})

describe('a results folder that cannot be written', () => {
  test('a file where the folder should be', () => {
    writeFileSync(join(cwd, 'file'), '')
    return refused(
      `train ${tiny} --results-dir file`,
      1,
      /cannot write file\/.*: (ENOTDIR|EEXIST).*; choose another --results-dir/,
    )
  })

  test('a full disk under the log', () =>
    refused(`train ${tiny} --num-iter 2 --log-dir /dev/full`, 1, /cannot write .*: ENOSPC/))

  const small = join(cwd, 'small')
  const mounted = mount(small)
  afterAll(() => {
    if (mounted) execFileSync('umount', [small])
  })
  test.skipIf(!mounted)(
    `a full disk under the checkpoints${mounted ? '' : ' (skipped: needs the right to mount a tmpfs)'}`,
    async () => {
      await refused(
        `train ${tiny} --num-iter 2 --results-dir small`,
        1,
        /cannot write small\/.*step-00000002: ENOSPC.*; free some space/,
      )
      expect(execFileSync('ls', ['-A', join(small, 'latest', 'checkpoints')]).toString()).toBe('')
    },
  )
})

/** A file system of 4 MB: room for a run's small files, and not for a checkpoint. */
function mount(path: string): boolean {
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

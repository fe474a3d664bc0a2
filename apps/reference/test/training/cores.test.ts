import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { type Cores, ownCores, threadsFor } from '../../src/training/cores'

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)
const cores = (numbers: number[], host = 'a', parallelism = numbers.length): Cores => ({ host, numbers, parallelism })

test.each<[string, Cores[], number[]]>([
  ['alone', [cores(range(0, 7))], [8]],
  ['two that share a host', [cores(range(0, 7)), cores(range(0, 7))], [4, 4]],
  ['three that share it', Array(3).fill(cores(range(0, 7))), [2, 2, 2]],
  ['six that share six cores', Array(6).fill(cores(range(0, 5))), [1, 1, 1, 1, 1, 1]],
  ['more than cores', Array(3).fill(cores([0, 1])), [1, 1, 1]],
  ['each bound to its own', [cores(range(0, 3)), cores(range(4, 7))], [4, 4]],
  ['bound to one more than the other', [cores(range(0, 5)), cores([6, 7])], [6, 2]],
  ['bound to the same part of a host', Array(2).fill(cores(range(4, 7))), [2, 2]],
  ['two hosts that number cores alike', [cores(range(0, 7), 'a'), cores(range(0, 7), 'b')], [8, 8]],
  ['a quota of both', Array(2).fill(cores(range(0, 63), 'a', 8)), [4, 4]],
])('%s', (_, all, threads) => expect(all.map((own) => threadsFor(own, all))).toEqual(threads))

test('of this process they are as many as the system says', () => {
  const { numbers, parallelism } = ownCores()
  expect(parallelism).toBe(availableParallelism())
  expect(new Set(numbers).size).toBeGreaterThanOrEqual(parallelism)
})

const taskset = spawnSync('taskset', ['--version']).status === 0
test.skipIf(!taskset)(`of a process that is bound they are those${taskset ? '' : ' (needs taskset)'}`, () => {
  const { numbers } = ownCores()
  const bind = (list: number[]) => execFileSync('taskset', ['-cp', list.join(), String(process.pid)], { stdio: 'pipe' })
  try {
    bind([numbers.at(-1)!])
    expect(ownCores()).toMatchObject({ numbers: [numbers.at(-1)], parallelism: 1 })
  } finally {
    bind(numbers)
  }
})

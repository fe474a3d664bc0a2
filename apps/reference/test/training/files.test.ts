import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, makeFolderAtomically, removeDrafts, writeAtomically } from '../../src/files'
import {
  checkpointAt,
  checkpointPath,
  listCheckpoints,
  readState,
  stepOf,
  writeCheckpoint,
} from '../../src/training/checkpoint-files'
import { cutMetrics } from '../../src/training/metrics-log'
import { createFreshRun, createRun, locate, nameLatest } from '../../src/training/run-folder'
import { temporaryFolder } from '../command-line'

const dataset = { epoch: 1, position: 2, seed: 3, size: 4, samples: 'ab' }

const write = (folder: string, step: number) =>
  writeCheckpoint(folder, { step, images: 0, ranks: 1, dataset }, async (draft) => {
    writeFileSync(join(draft, 'model.safetensors'), `model ${step}`)
    writeFileSync(join(draft, 'optimizer.safetensors'), `optimizer ${step}`)
  })

test('folders are made with those above them, and twice is no error', () => {
  const path = join(temporaryFolder(), 'a/b/c')
  makeFolder(path)
  makeFolder(path)
  expect(existsSync(path)).toBe(true)
  writeFileSync(join(path, 'file'), '')
  expect(() => makeFolder(join(path, 'file'))).toThrow('EEXIST')
})

test('a file is replaced whole, and a failed write leaves the old one and no draft', () => {
  const folder = temporaryFolder()
  writeAtomically(join(folder, 'a'), 'one')
  writeAtomically(join(folder, 'a'), 'two')
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('two')
  mkdirSync(join(folder, 'b'))
  writeFileSync(join(folder, 'b/inside'), '')
  expect(() => writeAtomically(join(folder, 'b'), 'x')).toThrow(/^cannot write .*b: .*; choose another --results-dir$/)
  expect(readdirSync(folder).sort()).toEqual(['a', 'b'])
})

test('a folder whose filling fails does not appear', async () => {
  const folder = temporaryFolder()
  const fill = async (draft: string) => {
    writeFileSync(join(draft, 'half'), '')
    throw new Error('no more')
  }
  await expect(makeFolderAtomically(join(folder, 'f'), fill)).rejects.toThrow('cannot write')
  expect(readdirSync(folder)).toEqual([])
})

test('five checkpoints are kept, and all leavings of a killed writer are removed', async () => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 10, 200, 1000, 20000]) await write(folder, step)
  expect(listCheckpoints(folder).map(stepOf)).toEqual([3, 10, 200, 1000, 20000])
  mkdirSync(join(folder, '.step-00030000.77.tmp'))
  writeFileSync(join(folder, '.step-00030000.77.tmp/model.safetensors'), 'half')
  expect(listCheckpoints(folder)).toHaveLength(5)
  removeDrafts(folder)
  expect(readdirSync(folder)).toHaveLength(5)
})

test('a state is read back, and damage is named together with the checkpoint before', async () => {
  const folder = temporaryFolder()
  await write(folder, 5)
  await write(folder, 10)
  const path = checkpointPath(folder, 10)
  expect(readState(path)).toEqual({ images: 0, ranks: 1, step: 10, dataset })

  truncateSync(join(path, 'model.safetensors'), 3)
  expect(() => readState(path)).toThrow(
    /step-00000010 cannot be used: model\.safetensors has 3 bytes, expected 8; the one before it is .*step-00000005/,
  )
  writeFileSync(join(path, 'model.safetensors'), 'MODEL 10')
  expect(() => readState(path)).toThrow(/model\.safetensors is not what was written: its hash differs/)
  writeFileSync(join(path, 'state.json'), '{')
  expect(() => readState(path)).toThrow(/cannot be used: .*JSON/)
  rmSync(join(path, 'state.json'))
  expect(() => readState(path)).toThrow(/cannot be used: ENOENT/)
  rmSync(join(checkpointPath(folder, 5), 'state.json'))
  expect(() => readState(checkpointPath(folder, 5))).toThrow(/there is no older one in its run$/)
})

test('a checkpoint is found by its folder or a file in it', async () => {
  const folder = temporaryFolder()
  await write(folder, 5)
  const path = checkpointPath(folder, 5)
  expect(checkpointAt(path)).toBe(path)
  expect(checkpointAt(join(path, 'model.safetensors'))).toBe(path)
  expect(checkpointAt(folder)).toBeUndefined()
  expect(checkpointAt(checkpointPath(folder, 6))).toBeUndefined()
})

test('a run is found as latest, by name, by folder and by checkpoint', async () => {
  const results = temporaryFolder()
  const run = createRun(results, 'a')
  await write(run.checkpoints, 5)
  await write(run.checkpoints, 15)
  const newest = checkpointPath(run.checkpoints, 15)
  for (const what of ['latest', 'a', run.path]) expect(locate(results, what)).toEqual({ run, checkpoint: newest })
  const older = locate('elsewhere', checkpointPath(run.checkpoints, 5))
  expect([older.run.name, resolve(older.run.path)]).toEqual([run.name, resolve(run.path)])
  expect(stepOf(older.checkpoint)).toBe(5)
})

test('what cannot be found is said', () => {
  const results = temporaryFolder()
  expect(() => locate(results, 'latest')).toThrow(/^no run in .* yet: train one first/)
  createRun(results, 'a')
  expect(() => locate(results, 'a')).toThrow(/has no checkpoint yet/)
  expect(() => locate(results, 'b')).toThrow(/^found no run or checkpoint b, neither in .* nor as a path$/)
})

test('latest names the newest run, as a link or as a text file', async () => {
  const results = temporaryFolder()
  createRun(results, 'a')
  const b = createRun(results, 'b')
  await write(b.checkpoints, 1)
  expect(readlinkSync(join(results, 'latest'))).toBe('b')
  rmSync(join(results, 'latest'))
  writeFileSync(join(results, 'latest'), 'b\n')
  expect(locate(results, 'latest').run.name).toBe('b')
  nameLatest(results, 'a')
  expect(readlinkSync(join(results, 'latest'))).toBe('a')
})

test('names of runs', () => {
  const results = temporaryFolder()
  const time = new Date('2020-03-04T05:06:07Z')
  const { name } = createFreshRun(results, 'class1', time)
  expect(name).toBe('class1-2020-03-04-050607')
  expect(createFreshRun(results, 'class1', time).name).toBe(`${name}-2`)
  expect(() => createRun(results, name)).toThrow(new RegExp(`exists; continue it with --resume ${name}, or choose`))
  for (const bad of ['latest', '../x', '.hidden', 'a/b'])
    expect(() => createRun(results, bad)).toThrow(/cannot be a folder's/)
  expect(existsSync(join(results, '../x'))).toBe(false)
})

test('metrics are cut back to a step, with the line that a killed run was writing', () => {
  const path = join(temporaryFolder(), 'metrics.jsonl')
  const lines = [0, 10, 20, 30].map((step) => JSON.stringify({ type: 'train', step }))
  writeFileSync(path, `${lines.join('\n')}\n{"type":"train","st`)
  cutMetrics(path, 20)
  expect(readFileSync(path, 'utf8')).toBe(`${lines.slice(0, 3).join('\n')}\n`)
})

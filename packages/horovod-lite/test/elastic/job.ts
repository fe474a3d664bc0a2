import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { registerGradients } from '@unet-internal/tfjs-gradients'
import { expect } from 'vitest'
import { hvdrun, type Launched, leftOf, script, temporaryFolder } from '../support/hvdrun'
import type { Network } from '../support/namespaces'
import { smallModel } from '../support/small_model'

registerGradients()

/** What test/programs/elastic_train.ts prints. */
interface Line {
  /** What hvdrun put before it. */
  prefix: number
  event: 'start' | 'begin' | 'reset' | 'step' | 'done'
  step: number
  /** −1 before the first world. */
  rank: number
  size: number
  pid: number
  worlds?: number[]
  loss?: number
  weights?: number[]
  tensors?: number
  transport?: string
}

export interface Job extends Launched {
  lines(): Line[]
  stderr(): string
  /** The newest line that fits, as soon as there is one. */
  until(fits: (line: Line) => boolean): Promise<Line>
  /** What the discovery script says from now on. */
  hosts(text: string): void
  /** Lets the ranks come to their end. */
  finish(): void
}

export interface JobOptions {
  environment?: Record<string, string>
  command?: string[]
  transport?: string
  /** Of the hosts; hvdrun runs on the first. Without it all are this machine. */
  network?: Network
}

/** Jobs that may still be started: a job has several processes, which sleep now and then. */
let room = availableParallelism() + 1
const queue: (() => void)[] = []

/** Seconds that a job may take, from its start: much more than any needs. */
const DEADLINE = 100

/** @param hosts what the discovery script says; undefined: there is none */
export async function start(hosts: string | undefined, args: string[], options: JobOptions = {}): Promise<Job> {
  const { environment, transport = 'tcp', command = ['NODE', 'PROGRAM', '10', '2'], network } = options
  const cwd = temporaryFolder()
  const set = (text: string) => writeFileSync(join(cwd, 'hosts'), text)
  set(hosts ?? '')
  // Everything runs here, but on the host `nowhere` nothing answers.
  const ssh = network?.ssh ?? script(cwd, 'ssh-here', 'test "$1" = nowhere && exec sleep 1000; shift; exec sh -c "$1"')
  const discovery = hosts === undefined ? [] : ['--host-discovery-script', 'cat hosts']
  const elastic = [...discovery, '--ssh-command', ssh, '--transport', transport, ...args]
  if (room > 0) room--
  else await new Promise<void>((next) => queue.push(next))
  const launch = { cwd, program: 'elastic_train', environment, deadline: DEADLINE, through: network?.on(0) }
  const job = await hvdrun([...elastic, ...command], launch)
  job.ended.then(() => {
    const next = queue.shift()
    if (next) next()
    else room++
  })
  const lines = () =>
    job
      .output()
      .stdout.split('\n')
      .flatMap((line): Line[] => {
        const [, prefix, json] = /^\[(\d+)\]<stdout>:(\{.*\})$/.exec(line) ?? []
        return json ? [{ prefix: Number(prefix), ...JSON.parse(json) }] : []
      })
  const until = async (fits: (line: Line) => boolean) => {
    const over = job.ended.then(() => true)
    for (;;) {
      const found = lines().findLast(fits)
      if (found) return found
      if (await Promise.race([over, new Promise<false>((resolve) => setTimeout(resolve, 30, false))]))
        throw new Error(`the job ended: ${JSON.stringify(job.output())}`)
    }
  }
  const finish = () => writeFileSync(join(cwd, 'finish'), '')
  return { ...job, lines, stderr: () => job.output().stderr, until, hosts: set, finish }
}

/**
 * All who finish have done the same steps, and have the weights and the loss that these steps make in the worlds in which
 * they were made; no process is left.
 * @returns how many ranks made each step
 */
export async function endsWell(job: Job, size: number): Promise<number[]> {
  job.finish()
  const { code, stderr } = await job.ended
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  const done = job.lines().filter(({ event }) => event === 'done')
  expect(done.map(({ rank }) => rank).sort()).toEqual(Array.from({ length: size }, (_, rank) => rank))
  const [{ step, worlds, loss, weights, tensors }] = done as [Required<Line>]
  expect(worlds.length).toBe(step)
  const expected = replay(worlds)
  for (const line of done) expect(line).toMatchObject({ step, worlds, loss, weights, tensors, prefix: line.rank }) // to the bit
  for (const [i, weight] of weights.entries()) expect(weight).toBeCloseTo(expected.weights[i]!, 5)
  expect(loss).toBeCloseTo(expected.loss, 5)
  expect(await leftOf(job.marker, 5)).toEqual([])
  return worlds
}

/** One process alone does the same steps with the rows of all ranks. */
function replay(worlds: readonly number[]): { loss: number; weights: number[] } {
  const model = smallModel()
  const optimizer = tf.train.momentum(0.1, 0.9)
  let loss = 0
  for (const [step, ranks] of worlds.entries()) {
    const mean = optimizer.minimize(() => model.loss(step, 0, 6 * ranks), true, model.variables)!
    loss = mean.dataSync()[0]!
    mean.dispose()
  }
  const weights = model.values()
  model.dispose()
  optimizer.dispose()
  return { loss, weights }
}

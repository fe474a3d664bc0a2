import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import * as tf from '@tensorflow/tfjs-core'
import { appFolder } from '../app-folder'
import { type EngineName, engines } from './engines'
import { reasonOf } from './select'

/** How one backend does on this machine. */
export interface Probe {
  name: EngineName
  works: boolean
  trains: boolean
  /** What it is, where it works; why it does not, where it doesn't. */
  description: string
  /** Why `auto` passes it over although it works. */
  passedOver?: string
  /** What to do, where it does not work. */
  remedy?: string
}

/** Starts a backend in this process, and lets it compute a convolution. */
export async function probe(name: EngineName): Promise<Probe> {
  const { start, trains, remedy } = engines[name]
  try {
    const started = await start()
    await checkConvolution()
    return { name, works: true, trains, ...started }
  } catch (error) {
    return { name, works: false, trains, description: reasonOf(error), remedy }
  }
}

/** The same in a process of its own, because a broken binary can take its process down, and two of them can't share one. */
export async function probeApart(name: EngineName): Promise<Probe> {
  const bin = join(appFolder, 'bin/unet-industrial.mjs')
  const child = spawn(process.execPath, [bin, 'doctor', '--backend', name, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  const [out, complaint, ended] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(error.message))
      child.on('close', (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code}`))
    }),
  ])
  try {
    return (JSON.parse(out) as { backends: [Probe] }).backends[0]
  } catch {
    const { trains, remedy } = engines[name]
    const said = complaint.trim().split('\n').at(-1)
    return { name, works: false, trains, description: `${ended}${said ? `: ${reasonOf(said)}` : ''}`, remedy }
  }
}

/** Nine ones summed at four places. */
async function checkConvolution(): Promise<void> {
  const sums = tf.tidy(() =>
    tf.conv2d(tf.ones<tf.Rank.R4>([1, 4, 4, 1]), tf.ones<tf.Rank.R4>([3, 3, 1, 1]), 1, 'valid'),
  )
  const got = Array.from(await sums.data())
  sums.dispose()
  if (got.join() !== '9,9,9,9') throw new Error(`a convolution of ones gives ${got}, expected 9,9,9,9`)
}

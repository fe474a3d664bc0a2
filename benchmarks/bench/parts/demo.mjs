// What `npm start` does once all is built: the recipe on the miniature set, evaluation, report.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../child.mjs'
import { verdict } from '../machine.mjs'
import { duration } from '../numbers.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))

async function train({ steps }, { threads }) {
  const folder = mkdtempSync(join(tmpdir(), 'unet-bench-'))
  const words = ['demo', '--num-iter', String(steps), '--threads', String(threads)]
  try {
    const { seconds } = await runCommand({
      file: process.execPath,
      args: [join(root, 'apps/reference/bin/unet-industrial.mjs'), ...words, '--results-dir', folder],
      cwd: root,
    })
    const evaluation = JSON.parse(readFileSync(join(folder, 'latest/eval.json'), 'utf8'))
    const { diceDefective } = evaluation.thresholds['0.75']
    return { tookSeconds: seconds, diceDefective, shown: `npx unet-industrial ${words.join(' ')}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const demo = {
  about: 'npm start: 2500 steps of 16 miniature images, evaluation, report',
  jobs: ({ demoSteps: steps }) => [{ does: `npm start, ${steps} steps`, steps, seconds: 5 + steps * 0.07, run: train }],
  markdown: ({ of, targets }) => {
    const [{ steps, tookSeconds, diceDefective }] = of('demo')
    const wanted = verdict(targets.demoSeconds, tookSeconds <= targets.demoSeconds, (limit) => `≤ ${duration(limit)}`)
    return `## npm start

${steps} steps of 16 miniature images, evaluation and report: ${duration(tookSeconds)}${wanted}. Dice on the unseen defective images: ${diceDefective.toFixed(4)}.`
  },
}

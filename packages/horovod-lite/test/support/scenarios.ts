import { expect } from 'vitest'
import { type RankResult, type RanksOptions, runRanks } from './ranks'

type Options = Partial<RanksOptions> & Pick<RanksOptions, 'size'>

/** Runs a scenario of test/programs/collectives.ts on all ranks, whatever comes of it. */
export const runScenario = (scenario: string, { args = [], ...options }: Options): Promise<RankResult[]> =>
  runRanks({ ...options, program: 'collectives', args: [scenario, ...args] })

/** What each rank printed; all must end well and say nothing else. */
export async function outcomes<T>(scenario: string, options: Options): Promise<T[]> {
  const all = await outcomesOf([scenario], options)
  return all[scenario] as T[]
}

/** The same of several scenarios, in one world. */
export async function outcomesOf(scenarios: string[], options: Options): Promise<Record<string, unknown[]>> {
  const ranks = await runScenario(scenarios.join(), options)
  for (const { rank, code, stderr, lines } of ranks)
    expect({ rank, code, stderr: complaints(stderr), lines: lines.length }).toEqual({
      rank,
      code: 0,
      stderr: '',
      lines: scenarios.length,
    })
  return Object.fromEntries(scenarios.map((scenario, i) => [scenario, ranks.map(({ lines }) => lines[i])]))
}

/** Without tfjs's advertisement. */
export const complaints = (stderr: string): string => stderr.replace(/\n?=+\nHi, looks like[^=]*=+\n?/g, '').trim()

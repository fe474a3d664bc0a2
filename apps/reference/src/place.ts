import type { World } from '@unet-industrial/horovod-lite'

type Place = Pick<World, 'rank' | 'size' | 'localRank'>

/**
 * This process's place among those that a launcher started. It is alone where none did, or where variables tell half of it,
 * as in a shell within Slurm's allocation.
 */
export async function place(environment: NodeJS.ProcessEnv = process.env): Promise<Place> {
  const alone = { rank: 0, size: 1, localRank: 0 }
  if (!Object.keys(environment).some((name) => /(RANK|PROCID)$/.test(name))) return alone // and no engine is loaded
  const { worldOf } = await import('@unet-industrial/horovod-lite')
  try {
    return worldOf(environment)
  } catch {
    return alone
  }
}

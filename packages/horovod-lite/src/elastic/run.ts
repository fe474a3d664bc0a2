import { context, reinit } from '../context'
import type { State } from './state'

type Train<S extends State, R> = (state: S) => R | Promise<R>

/**
 * Trains while ranks come and go (`hvdrun --min-np … --host-discovery-script …`). Every rank, also one that comes later,
 * calls it once, after `init` and before any other collective.
 *
 * It gives all ranks rank 0's state and calls `train`. Where that raises HorovodInternalError (a peer is gone) the state
 * goes back to its last commit; where it raises HostsUpdatedInterrupt (from `commit` or `checkHostUpdates`) it stays. Then
 * this rank takes its place in the next world, and all begins anew: so `train` starts from what the state says, not from
 * step 0. Where there is no elastic launcher it trains once.
 *
 *     await run(state, async (state) => { … })
 *     const train = run(async (state) => { … });  await train(state)
 *
 * @returns what `train` returns
 * @throws what `train` throws else; in a job that is not elastic, everything
 */
export function run<S extends State, R>(state: S, train: Train<S, R>): Promise<R>
export function run<S extends State, R>(train: Train<S, R>): (state: S) => Promise<R>
export function run<S extends State, R>(first: S | Train<S, R>, second?: Train<S, R>) {
  if (typeof first === 'function') return (state: S) => runElastic(state, first)
  return runElastic(first, second!)
}

async function runElastic<S extends State, R>(state: S, train: Train<S, R>): Promise<R> {
  const elastic = context('elastic.run()').environment.HOROVOD_ELASTIC === '1'
  await state.save() // before there is a commit, a failure leads back to the beginning
  for (let hasState = false; ; )
    try {
      await state.sync()
      hasState = true
      return await train(state)
    } catch (error) {
      const { name } = error as Error // two builds of this package have two classes
      if (!elastic || (name !== 'HorovodInternalError' && name !== 'HostsUpdatedInterrupt')) throw error
      if (name === 'HorovodInternalError') await state.restore()
      await reinit({ HOROVOD_ELASTIC_HAS_STATE: hasState ? '1' : '0' })
      await state.onReset()
    }
}

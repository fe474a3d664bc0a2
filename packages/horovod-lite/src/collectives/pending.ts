import type { Client, Outcome, Ticket } from '../process/client'

/** An operation under way: wait for it, or go on and be told. Use one of the two, once. */
export interface Pending<T> {
  /** This thread is going to wait for it, and for others before. */
  announce?(): void
  /** Blocks until it has ended. @throws what the ranks disagree about, or `HorovodInternalError` where a peer is gone */
  wait(): T
  promise(): Promise<T>
}

/** What is known at once. */
export const done = <T>(make: () => T): Pending<T> => ({ wait: make, promise: async () => make() })

/** All of them, in order; every one is waited for, also where one fails. */
export function all<T>(pending: Pending<T>[]): Pending<T[]> {
  return {
    wait() {
      for (const each of pending) each.announce?.() // where ranks disagree, all of them are to fail at once
      const settled = pending.map((each) => attempt(() => each.wait()))
      return settled.map((get) => get())
    },
    async promise() {
      const settled = await Promise.allSettled(pending.map((each) => each.promise()))
      const failed = settled.find(({ status }) => status === 'rejected')
      if (failed) throw (failed as PromiseRejectedResult).reason
      return settled.map((each) => (each as PromiseFulfilledResult<T>).value)
    },
  }
}

function attempt<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

export const map = <T, U>(pending: Pending<T>, change: (value: T) => U): Pending<U> => ({
  announce: pending.announce,
  wait: () => change(pending.wait()),
  promise: async () => change(await pending.promise()),
})

/** The result of an operation that was submitted. */
export const pending = (client: Client, ticket: Ticket): Pending<Outcome> => ({
  announce: () => client.announce(ticket),
  wait: () => client.wait(ticket),
  promise: () => client.promise(ticket),
})

/** Does something when it has ended, well or not. */
export const lastly = <T>(pending: Pending<T>, work: () => void): Pending<T> => ({
  announce: pending.announce,
  wait() {
    try {
      return pending.wait()
    } finally {
      work()
    }
  },
  promise: () => pending.promise().finally(work),
})

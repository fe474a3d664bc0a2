import { connect } from './connect'
import { type Connection, parse } from './connection'
import type { Address } from './listener'
import { PLACE, type Place, REGISTER, REGISTER_ROLE, REJECTED, type Registration, WAITING } from './rendezvous'

export interface RegisterOptions {
  address: Address
  secret: string
  timeoutSeconds: number
}

/** Connects to the rendezvous. Its local address is one that the rendezvous' host can be reached from. */
export const openRegistration = ({ address, secret, timeoutSeconds }: RegisterOptions): Promise<Connection> =>
  connect({ addresses: [address], secret, timeoutSeconds, role: REGISTER_ROLE, rank: -1, generation: -1 })

/**
 * Registers a process and waits for its place.
 * @param timeoutSeconds Infinity: as long as the rendezvous is there
 * @throws where others are missing when the time is over, naming them
 */
export function register(connection: Connection, registration: Registration, timeoutSeconds: number): Promise<Place> {
  return new Promise((resolve, reject) => {
    let missing = ''
    const settle = (settled: () => void) => {
      clearTimeout(timer)
      connection.onFrame = undefined
      connection.onClose = undefined
      settled()
    }
    const fail = (message: string) => settle(() => reject(new Error(message)))
    const tooLate = () =>
      fail(
        `waited ${timeoutSeconds} s for all processes to start; ${missing || 'some'} did not come: look at their output, or raise --start-timeout (HOROVOD_START_TIMEOUT)`,
      )
    const timer = timeoutSeconds < Infinity ? setTimeout(tooLate, timeoutSeconds * 1000) : undefined
    connection.onFrame = (kind, payload) => {
      if (kind === WAITING) missing = payload.toString('utf8')
      else if (kind === REJECTED)
        fail(`the rendezvous at ${connection.remote} has no place for this process: ${payload}`)
      else if (kind === PLACE) {
        const place = parse<Place>(payload)
        if (place) settle(() => resolve(place))
      }
    }
    connection.onClose = (reason) =>
      fail(
        `the rendezvous at ${connection.remote} has gone (${reason?.message ?? 'closed'})${missing && ` while ${missing} had not come`}; look at the output of who held it`,
      )
    connection.send(REGISTER, registration).catch(() => {})
  })
}

import type { Peer } from '../transports/transport'
import type { Connection } from '../wire/connection'

/** Role of the connections between rank 0 and the others, and their frames. */
export const CONTROL_ROLE = 'control'
export const ANNOUNCE = 32
export const DECIDE = 33

export const died = ({ rank, host, pid }: Peer) =>
  `rank ${rank} (${host}, pid ${pid}) has died: its connection closed without a goodbye; look at its output`

/** Until the other side has closed too, or does not. */
export const closed = (connection: Connection): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      connection.close()
      resolve()
    }, 1000)
    connection.onClose = () => {
      clearTimeout(timer)
      resolve()
    }
  })

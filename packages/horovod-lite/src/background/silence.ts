import { loadNative } from '../transports/native'
import type { Connection } from '../wire/connection'

/**
 * Ends a connection whose other side has given no sign of life for so many seconds, whether data is under way or not. Node
 * alone can only have idle connections probed: while data is on its way the system repeats it for a quarter of an hour.
 */
export function limitSilence(connection: Connection, seconds: number): void {
  const native = loadNative()
  const { descriptor } = connection
  if (!('reason' in native) && descriptor !== undefined) native.tcpLimitSilence(descriptor, seconds)
}

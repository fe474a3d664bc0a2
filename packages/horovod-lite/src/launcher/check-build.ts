import { availableTransports } from '../transports/available'

/** Prints which transports work on this host. */
export function checkBuild(): void {
  const lines = availableTransports().map(
    ({ name, description, problem }) => `  [${problem ? ' ' : 'x'}] ${name.padEnd(5)} ${problem ?? description}`,
  )
  process.stdout.write(['Transports on this host:', ...lines, ''].join('\n'))
}

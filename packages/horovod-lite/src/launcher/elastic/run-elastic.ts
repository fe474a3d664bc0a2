import { newSecret } from '../../wire/authentication'
import { RendezvousServer } from '../../wire/rendezvous'
import { jobVariables, rendezvousHost, rendezvousVariables } from '../environment'
import { say } from '../screen'
import type { Settings } from '../settings'
import { withSignals } from '../signals'
import { Discovery } from './discovery'
import { Driver } from './driver'
import { Membership } from './membership'
import { Processes } from './processes'

/**
 * Runs a command in as many processes as there are slots for, while hosts and processes come and go.
 * @returns the exit code of hvdrun
 */
export async function runElastic(settings: Settings): Promise<number> {
  const { minSize, maxSize, discoveryScript: script, ...elastic } = settings.elastic!
  const membership = new Membership({
    start: Math.min(settings.size, maxSize),
    min: minSize,
    max: maxSize,
    resets: elastic.resetLimit,
    timeout: elastic.timeout,
    startTimeout: settings.startTimeout,
    cooldown: elastic.blacklistCooldown,
    fixedHosts: !script,
  })
  const driver = new Driver(membership, say)
  const secret = newSecret()
  const hosts = script ? ['whichever comes later'] : settings.hosts.map(({ name }) => name)
  let server: RendezvousServer | undefined
  let over = false
  const processes = new Processes({
    settings,
    environment: async (seen) => {
      const host = await rendezvousHost(settings, hosts, seen)
      server = await RendezvousServer.open({ host, secret, policy: driver, onRefused: say })
      if (over) server.close()
      driver.serve(server)
      return { ...jobVariables(settings), ...rendezvousVariables(server, secret), HOROVOD_ELASTIC: '1' }
    },
    onStart: (worker) => driver.started(worker),
    onExit: (worker, exit, output) => driver.exited(worker, exit, output),
    onClose: () => driver.closed(),
    onUnreachable: (host, reason) => driver.unreachable(host, reason),
  })
  driver.begin(processes)
  const { slotsPerHost } = elastic
  const discovery = script
    ? new Discovery({ script, slotsPerHost, onChange: (found) => driver.found(found), warn: say })
    : undefined
  try {
    return await withSignals(
      (signal, again) => driver.pass(signal, again),
      () => {
        if (discovery) discovery.start()
        else driver.found(settings.hosts)
        return driver.ended
      },
    )
  } finally {
    over = true
    discovery?.stop()
    processes.close()
    server?.close()
  }
}

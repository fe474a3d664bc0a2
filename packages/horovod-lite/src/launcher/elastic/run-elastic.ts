import { newSecret } from '../../wire/authentication'
import { HOSTS_UPDATED, RendezvousServer } from '../../wire/rendezvous'
import { Agent, type RemoteProcess } from '../agents'
import type { Host } from '../hosts'
import { agentOptions, jobVariables, rendezvousHost, rendezvousVariables } from '../job'
import { RankOutput } from '../output'
import type { Settings } from '../settings'
import { Discovery } from './discovery'
import { Driver, type Stage } from './driver'

/**
 * Runs a command in as many processes as there are slots for, while hosts come and go.
 * @returns the exit code of hvdrun
 */
export async function runElastic(settings: Settings): Promise<number> {
  const elastic = settings.elastic!
  const say = (line: string) => process.stderr.write(`hvdrun: ${line}\n`)
  const secret = newSecret()
  const hosts = elastic.discoveryScript ? ['hosts that are not known yet'] : settings.hosts.map(({ name }) => name)
  let driver: Driver | undefined
  const server = await RendezvousServer.open({
    host: rendezvousHost(settings, hosts),
    secret,
    policy: {
      assign: (waiting) => driver!.assign(waiting),
      missing: (waiting) => driver!.missing(waiting),
    },
    onRefused: say,
  })
  const processes = new Processes(settings, {
    ...jobVariables(settings),
    ...rendezvousVariables(server, secret),
    HOROVOD_ELASTIC: '1',
    HOROVOD_ELASTIC_TIMEOUT: String(elastic.timeout),
  })
  const stage: Stage = {
    start: (id, host) => processes.start(id, host, (exit) => driver!.exited(id, exit)),
    announce: () => server.notify(HOSTS_UPDATED),
    reconsider: () => server.reconsider(),
    say,
  }
  driver = new Driver(elastic, stage)
  const onSignal = (signal: NodeJS.Signals) => driver.signal(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const onChange = (found: Host[]) => {
    say(`hosts: ${found.map(({ name, slots }) => `${name}:${slots}`).join(', ') || 'none'}`)
    driver.setHosts(found)
  }
  const discovery = elastic.discoveryScript
    ? new Discovery({ script: elastic.discoveryScript, slotsPerHost: elastic.slotsPerHost, onChange, warn: say })
    : undefined
  try {
    if (discovery) {
      driver.setHosts([]) // nobody is there yet, and that may last
      void discovery.start()
    } else driver.setHosts(settings.hosts)
    const { code, reason } = await driver.ended
    if (reason) say(reason)
    return code
  } finally {
    discovery?.stop()
    for (const signal of signals) process.off(signal, onSignal)
    await processes.close()
    server.close()
  }
}

/** The job's processes, through an agent on each host. */
class Processes {
  private readonly agents = new Map<string, Promise<Agent>>()
  private readonly running = new Set<Promise<void>>()

  constructor(
    private readonly settings: Settings,
    private readonly environment: Record<string, string>,
  ) {}

  start(id: string, host: string, onExit: Parameters<Agent['start']>[3]['onExit']): RemoteProcess {
    const { command, outputFilename: folder, timestamps } = this.settings
    const output = new RankOutput(Number(id), { folder, timestamps })
    const environment = { ...this.environment, HOROVOD_ELASTIC_WORKER: id, HOROVOD_HOSTNAME: host }
    let ended!: () => void
    const running = new Promise<void>((resolve) => {
      ended = resolve
    })
    this.running.add(running)
    const finish: typeof onExit = (exit) => {
      output.close()
      this.running.delete(running)
      ended()
      onExit(exit)
    }
    const started = this.agentOn(host).then((agent) =>
      agent.start(command, environment, process.cwd(), {
        onOutput: (stream, text) => output.write(stream, text),
        onExit: finish,
      }),
    )
    started.catch((error: Error) => finish({ code: 1, signal: null, problem: error.message }))
    return { signal: (signal) => void started.then((process) => process.signal(signal)).catch(() => {}) }
  }

  /** Waits for what is being ended, for a while; the agents end what is left. */
  async close(): Promise<void> {
    await Promise.race([Promise.all(this.running), new Promise((resolve) => setTimeout(resolve, 4000).unref())])
    for (const agent of this.agents.values()) agent.then((each) => each.close()).catch(() => {})
  }

  private agentOn(host: string): Promise<Agent> {
    const known = this.agents.get(host)
    if (known) return known
    const opening = Agent.open(host, agentOptions(this.settings))
    this.agents.set(host, opening)
    opening.catch(() => this.agents.delete(host))
    return opening
  }
}

import { availableParallelism, cpus, totalmem } from 'node:os'
import { type AvailableTransport, availableTransports } from '@unet-industrial/horovod-lite'
import pc from 'picocolors'
import { type EngineName, engines } from '../backends/engines'
import { type Probe, probe, probeApart } from '../backends/probe'
import { automatic, type Purpose } from '../backends/select'
import type { Request } from '../options/parse'

/** What works on this machine. */
export interface Diagnosis {
  node: string
  platform: string
  cpu: string
  cores: number
  /** Those that this process may use: fewer where it is bound, or a container has a quota. */
  usableCores: number
  memoryBytes: number
  backends: Probe[]
  /** What moves tensors between processes that train together. */
  transports: AvailableTransport[]
  /** What `--backend auto` takes, null where nothing works; left out where one backend was asked about. */
  auto?: Record<Purpose, EngineName | null>
}

const names = Object.keys(engines) as EngineName[]

/** Says which backends work here, and what to do about those that don't. */
export async function doctor({ options }: Request): Promise<Diagnosis> {
  const { backend, json } = options
  const backends = backend === 'auto' ? await Promise.all(names.map(probeApart)) : [await probe(backend)]
  const diagnosis: Diagnosis = {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    usableCores: availableParallelism(),
    memoryBytes: totalmem(),
    backends,
    transports: await availableTransports(),
    ...(backend === 'auto' && {
      auto: { training: taken(backends, 'training'), inference: taken(backends, 'inference') },
    }),
  }
  console.log(json ? JSON.stringify(diagnosis) : describe(diagnosis))
  return diagnosis
}

/** The first that works in the order of `auto`. */
function taken(probes: Probe[], purpose: Purpose): EngineName | null {
  const fits = ({ works, trains, passedOver }: Probe) => works && !passedOver && (trains || purpose === 'inference')
  return automatic.find((name) => probes.some((probe) => probe.name === name && fits(probe))) ?? null
}

function describe({
  node,
  platform,
  cpu,
  cores,
  usableCores,
  memoryBytes,
  backends,
  transports,
  auto,
}: Diagnosis): string {
  const lines = [
    `Node ${node} on ${platform}, ${cores} cores (${cpu})${usableCores < cores ? `, of which ${usableCores} may be used` : ''}, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB of memory`,
    '',
    ...backends.flatMap(({ name, works, trains, description, passedOver, remedy }) => [
      `${works ? pc.green('works') : pc.red('no   ')}  ${pc.bold(name.padEnd(8))}  ${description}${works && !trains ? '; predicts, cannot train' : ''}`,
      ...(passedOver ? [`                 --backend auto passes it over: it ${passedOver}`] : []),
      ...(remedy ? [`                 ${remedy}`] : []),
    ]),
  ]
  lines.push(
    '',
    'several processes (hvdrun):',
    ...transports.map(
      ({ name, description, problem }) =>
        `${problem ? pc.red('no   ') : pc.green('works')}  ${pc.bold(name.padEnd(8))}  ${problem ?? description}`,
    ),
  )
  if (auto)
    lines.push(
      '',
      `--backend auto takes ${auto.training ?? 'nothing'} to train and ${auto.inference ?? 'nothing'} to predict`,
    )
  return lines.join('\n')
}

// Allreduce of TinyUNet's gradients by this project and by Open MPI's C interface, in turn, so that a noisy machine treats
// both alike. Medians over the rounds, and of the ratios within them.
//
//   node benchmarks/allreduce.mjs [--np 2] [--floats 1850305] [--rounds 5] [--repeat 51] [--json]
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { hvdrun, withProgram } from './horovod.mjs'

const { values: options } = parseArgs({
  options: {
    np: { type: 'string', default: '2' },
    floats: { type: 'string', default: '1850305' },
    rounds: { type: 'string', default: '5' },
    repeat: { type: 'string', default: '51' },
    json: { type: 'boolean', default: false },
  },
})
const { np, floats, repeat } = options
const peers = join(process.env.UNET_SHARED_DIR ?? fileURLToPath(new URL('../../shared', import.meta.url)), 'peers')
const environment = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }
/** As where the system lets no process read another's memory: many containers, and the machine of the first figures. */
const twoCopies = ['--mca', 'btl_vader_single_copy_mechanism', 'none']
const overTcp = ['--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', 'lo']
const room = mkdtempSync(join(tmpdir(), 'allreduce-'))

/** The JSON that rank 0 prints. */
function run(program, args, more = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...environment, ...more },
  })
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')} failed: ${error?.message ?? stderr}`)
  return JSON.parse(/\{.*\}/.exec(stdout)[0])
}
const mpirun = (flags, ...command) => ['mpirun', ['--oversubscribe', '-np', np, ...flags, ...command]]

/** Open MPI's own program, compiled; or why it cannot be had. */
function compile() {
  const source = join(peers, 'mpi_allreduce.c')
  if (!existsSync(source)) return { missing: `no ${source}; set UNET_SHARED_DIR to the folder with peers/` }
  for (const tool of ['mpicc', 'mpirun'])
    if (spawnSync(tool, ['--version']).status !== 0)
      return { missing: `no ${tool}; on Debian: apt-get install openmpi-bin libopenmpi-dev` }
  const program = join(room, 'mpi_allreduce')
  execFileSync('mpicc', ['-O3', source, '-o', program])
  return { program }
}

/** { name: what it measures, once }, in the order of a round. */
function contenders(program, { program: rival }) {
  const words = (form) => [process.execPath, program, floats, repeat, form]
  const ours = (transport, form) => run(process.execPath, [hvdrun, '-np', np, '--transport', transport, ...words(form)])
  const own = {}
  for (const transport of ['shm', 'tcp'])
    for (const form of FORMS) own[`${transport}, ${form}`] = () => ours(transport, form)
  if (!rival) return own
  const mpi = {}
  for (const form of FORMS) mpi[`mpi, ${form}`] = () => run(...mpirun([], ...words(form)), { HOROVOD_TRANSPORT: 'mpi' })
  return {
    'C, shared memory': () => run(...mpirun([], rival, floats, repeat)),
    'C, two copies': () => run(...mpirun(twoCopies, rival, floats, repeat)),
    ...own,
    ...mpi,
    'C, tcp': () => run(...mpirun(overTcp, rival, floats, repeat)),
  }
}

/** `allreduce` of a tensor, whose result is a new one; `allreduce_`; and what the transport does of it. */
const FORMS = ['tensor', 'in place', 'transport']

/** [what, against what, most that is wanted] */
const TARGETS = FORMS.flatMap((form) => [
  [`shm, ${form}`, 'C, shared memory', 0.5],
  [`shm, ${form}`, 'C, two copies', 0.5],
  [`shm, ${form}`, 'memcpy', 4],
  [`mpi, ${form}`, 'C, shared memory', 1.1],
  [`tcp, ${form}`, 'C, tcp', 1.5],
])

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

try {
  const rival = compile()
  if (rival.missing) console.error(`without Open MPI: ${rival.missing}`)
  const times = new Map()
  const note = (name, ms) => times.set(name, [...(times.get(name) ?? []), ms])
  await withProgram('allreduce_speed', (program) => {
    for (let round = 0; round < Number(options.rounds); round++) {
      const copies = []
      for (const [name, measure] of Object.entries(contenders(program, rival))) {
        const { ms, memcpyMs } = measure()
        note(name, ms)
        copies.push(memcpyMs)
      }
      note('memcpy', median(copies))
    }
  })
  const rows = TARGETS.filter(([, against]) => times.has(against)).map(([what, against, target]) => {
    const ratios = times.get(what).map((ms, round) => ms / times.get(against)[round])
    return {
      what,
      ms: median(times.get(what)),
      against,
      againstMs: median(times.get(against)),
      ratio: median(ratios),
      target,
    }
  })
  const machine = { cpu: cpus()[0].model, cores: availableParallelism(), load: loadavg()[0] }
  if (options.json) console.log(JSON.stringify({ np: Number(np), bytes: 4 * floats, machine, rows }))
  else {
    console.log(
      `allreduce of ${((4 * floats) / 1e6).toFixed(1)} MB float32, ${np} processes on one host: median of ${options.rounds} rounds of ${repeat}`,
    )
    console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}, Node ${process.version}`)
    console.table(
      rows.map(({ what, ms, against, againstMs, ratio, target }) => ({
        what,
        ms: ms.toFixed(3),
        against,
        'its ms': againstMs.toFixed(3),
        ratio: ratio.toFixed(2),
        target: `≤ ${target}`,
      })),
    )
  }
} finally {
  rmSync(room, { recursive: true })
}

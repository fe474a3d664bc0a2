import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { findMpi } from '../../src/transports/mpi/find'
import { bundle } from '../support/bundle'
import { linesOf, script, temporaryFolder } from '../support/hvdrun'
import { whyNoMpirun } from '../support/mpirun'
import { freePort } from '../support/ranks'

// The files of deploy/ as they are; what a cluster would have (ssh, srun, torchrun) is played by small scripts.

const file = (path: string) => fileURLToPath(new URL(`../../../../deploy/${path}`, import.meta.url))

/** A project's folder, with the programs that a cluster would have. */
async function project(programs: Record<string, string> = {}) {
  const built = await bundle('launched')
  const cwd = temporaryFolder()
  const bin = join(cwd, 'node_modules', '.bin')
  writeFileSync(join(cwd, 'package.json'), '{}')
  script(bin, 'hvdrun', `exec ${process.execPath} ${join(built, 'hvdrun.js')} "$@"`)
  const path = join(cwd, 'cluster')
  for (const [name, text] of Object.entries(programs)) script(path, name, text)
  const run = async (name: string, environment: Record<string, string> = {}) => {
    const { PATH, HOME, TMPDIR } = process.env
    const env = { HOME, TMPDIR, ...environment, PATH: `${path}:${PATH}` }
    const command = [file(name), process.execPath, join(built, 'program.js'), 'sum']
    const child = spawn('bash', command, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 40_000 })
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text
      })
    const code = await new Promise((resolve) => child.on('close', resolve))
    return { code, ...said }
  }
  return { cwd, run }
}

/** What each rank has printed, by rank. */
const results = (stdout: string) =>
  stdout
    .split('\n')
    .flatMap((line) => /\{"place".*/.exec(line)?.[0] ?? [])
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.place[0] - b.place[0])

/** Starts as many processes as `$count` says; `$i` counts them. */
const all = (count: string, variables: string) => `
i=0
while [ $i -lt ${count} ]; do ${variables} "$@" & i=$((i+1)); done
status=0
for job in $(jobs -p); do wait $job || status=$?; done
exit $status`

test('ssh: two hosts with two processes each', async () => {
  const ssh = 'while [ "$' + '{1#-}" != "$1" ]; do shift 2; done; shift; exec sh -c "$1"' // its options have values
  const { cwd, run } = await project({ ssh })
  const { code, stdout } = await run('ssh/train.sh', { HOROVOD_TRANSPORT: 'tcp' })
  expect(code).toBe(0)
  expect(results(stdout).map(({ place, sum }) => [...place, sum])).toEqual([
    [0, 4, 0, 2, 0, 2, 6],
    [1, 4, 1, 2, 0, 2, 6],
    [2, 4, 0, 2, 1, 2, 6],
    [3, 4, 1, 2, 1, 2, 6],
  ])
  expect(linesOf(stdout, 3)).toHaveLength(1)
  expect(readFileSync(join(cwd, 'logs/rank.3/stdout'), 'utf8')).toContain('"sum":6')
})

const noMpi = whyNoMpirun() ?? findMpi()
test.skipIf(noMpi)(`Open MPI: a hostfile${noMpi ? ` (${noMpi})` : ''}`, async () => {
  const { cwd, run } = await project()
  writeFileSync(join(cwd, 'hosts'), 'localhost slots=3 # this one\n')
  const root = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }
  const { code, stdout } = await run('open-mpi/train.sh', { HOSTFILE: join(cwd, 'hosts'), ...root })
  expect(code).toBe(0)
  expect(results(stdout)).toEqual(
    [0, 1, 2].map((rank) => ({ place: [rank, 3, rank, 3, 0, 1], sum: 3, transport: 'mpi' })),
  )
})

test('Slurm: the batch file, with the variables that srun sets', async () => {
  const task = 'SLURM_PROCID=$i SLURM_LOCALID=$i SLURM_NODEID=0 SLURM_STEP_TASKS_PER_NODE=$SLURM_NTASKS'
  const { cwd, run } = await project({
    scontrol: '[ "$*" = "show hostnames localhost" ] && echo localhost',
    srun: `echo "$@" > options; while [ "$\{1#--}" != "$1" ]; do shift; done${all('$SLURM_NTASKS', task)}`,
  })
  const job = { SLURM_JOB_ID: String((await freePort()) % 10_000), SLURM_JOB_NODELIST: 'localhost' }
  const { code, stdout, stderr } = await run('slurm/train.sbatch', { ...job, SLURM_NTASKS: '3', SLURM_NNODES: '1' })
  expect({ code, stderr: stderr.includes('Error') && stderr }).toEqual({ code: 0, stderr: false })
  expect(results(stdout).map(({ place, sum }) => [...place, sum])).toEqual(
    [0, 1, 2].map((rank) => [rank, 3, rank, 3, 0, 1, 3]),
  )
  const options = readFileSync(join(cwd, 'options'), 'utf8')
  expect(options).toMatch(/^--export=ALL --cpus-per-task=1 --kill-on-bad-exit=1 --label \/.*/)
  expect(options).not.toMatch(/[0-9a-f]{64}/) // the secret is in no command line
})

test("torchrun: a script, with torchrun's variables", async () => {
  const port = await freePort()
  const task = `RANK=$i LOCAL_RANK=$i WORLD_SIZE=$n LOCAL_WORLD_SIZE=$n GROUP_RANK=0 GROUP_WORLD_SIZE=1 MASTER_ADDR=localhost MASTER_PORT=${port} TORCHELASTIC_USE_AGENT_STORE=True`
  const torchrun = `echo "$@" > options
    while [ "$\{1#--}" != "$1" ]; do case $1 in --no-python) shift;; --nproc-per-node) n=$2; shift 2;; *) shift 2;; esac; done${all('$n', task)}`
  const { cwd, run } = await project({ torchrun })
  const { code, stdout } = await run('torchrun/train.sh', { PROCESSES: '3' })
  expect(code).toBe(0)
  expect(results(stdout).map(({ place, sum }) => [...place, sum])).toEqual(
    [0, 1, 2].map((rank) => [rank, 3, rank, 3, 0, 1, 3]),
  )
  expect(readFileSync(join(cwd, 'options'), 'utf8')).toMatch(
    /^--no-python --nnodes 1 --nproc-per-node 3 --rdzv-backend/,
  )
  const several = await run('torchrun/train.sh', { NODES: '2', MASTER: 'host1:29500' })
  expect(several.code).not.toBe(0)
  expect(several.stderr).toContain('HOROVOD_SECRET_KEY: the same on every host')
})

describe('Kubernetes', () => {
  const [document, ...more] = parseAllDocuments(readFileSync(file('kubernetes/mpijob.yaml'), 'utf8'))
  const { apiVersion, kind, metadata, spec } = document!.toJS()
  const dockerfile = readFileSync(file('kubernetes/Dockerfile'), 'utf8')
  const { Launcher, Worker } = spec.mpiReplicaSpecs
  const [launcher] = Launcher.template.spec.containers
  const [worker] = Worker.template.spec.containers

  test('the manifest is one MPIJob without mistakes of YAML', () => {
    expect([document!.errors, document!.warnings, more]).toEqual([[], [], []])
    expect({ apiVersion, kind }).toEqual({ apiVersion: 'kubeflow.org/v2beta1', kind: 'MPIJob' })
    expect(metadata.name).toMatch(/^[a-z0-9-]+$/)
    for (const text of [...launcher.args, ...worker.args]) expect(text).toBeTypeOf('string')
  })

  test('as many processes as slots, on the image of the Dockerfile', () => {
    const { args } = launcher
    expect(Launcher.replicas).toBe(1)
    expect(Number(args[args.indexOf('-np') + 1])).toBe(Worker.replicas * spec.slotsPerWorker)
    expect(args).toContain(`--threads=${Number(worker.resources.limits.cpu) / spec.slotsPerWorker}`)
    expect(args).toContain('HOROVOD_TRANSPORT=mpi')
    expect(launcher.image).toBe(worker.image)
    for (const container of [launcher, worker]) expect(container.securityContext.runAsUser).toBe(1000) // `node`
    expect(dockerfile).toContain(`HostKey ${spec.sshAuthMountPath}/id_rsa`)
    expect(dockerfile).toContain(worker.args.at(-1))
  })

  test('every volume that is mounted is there', () => {
    const volumes = Worker.template.spec.volumes.map(({ name }: { name: string }) => name)
    expect(worker.volumeMounts.map(({ name }: { name: string }) => name)).toEqual(volumes)
    const mounted = worker.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)
    for (const option of ['--data-dir=', '--results-dir=']) {
      const path = launcher.args.find((arg: string) => arg.startsWith(option)).slice(option.length)
      expect(mounted.some((folder: string) => path.startsWith(folder))).toBe(true)
    }
  })
})

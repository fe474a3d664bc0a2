import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repositoryRoot } from '@unet-internal/testing'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { whyNoMpirun } from '../support/mpirun'
import { freeJobId, paste, type Ran } from '../support/paste'
import { freePort } from '../support/ranks'

// The files of deploy/ as somebody pastes them. Only the hosts are pretended: all of them are this one.

const root = join(repositoryRoot, 'deploy')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const blocks = (path: string) => [...read(path).matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!)
/** Each with its first line as the test's name. */
const commands = (path: string) => blocks(path).map((text) => [text.split('\n')[0]!, text] as const)
const noMpi = whyNoMpirun()
const mpi = test.skipIf(noMpi)
const why = noMpi ? ` (${noMpi})` : ''

/** Runs a text in a folder with a file `hosts`. */
const pasteWith = (hosts: string, text: string, environment?: Record<string, string>) =>
  paste(`cat > hosts <<'END'\n${hosts}END\n${text}`, environment)

const appOptions = new Set(
  readFileSync(join(repositoryRoot, 'apps/reference/README.md'), 'utf8').match(/(?<=`)--[\w-]+/g),
)

function expectTwoByTwo(ran: Ran, transport: RegExp | string): void {
  expectRanks(ran, transport, [
    [0, 4, 0, 2, 0, 2],
    [1, 4, 1, 2, 0, 2],
    [2, 4, 0, 2, 1, 2],
    [3, 4, 1, 2, 1, 2],
  ])
}

function expectRanks({ code, output, ranks, arguments: given }: Ran, transport: RegExp | string, places: number[][]) {
  const sum = (places.length * (places.length - 1)) / 2
  expect({ code, ranks }, output).toEqual({
    code: 0,
    ranks: places.map((place) => ({ place, sum, transport: expect.stringMatching(transport) })),
  })
  expect(new Set(given).size).toBe(1)
  expect(given[0]).toMatch(/^train /)
  for (const option of given[0]!.match(/--[\w-]+/g)!) expect(appOptions).toContain(option)
}

test.each(commands('ssh/README.md'))('ssh: %s', async (_, text) => {
  expectTwoByTwo(await pasteWith(read('ssh/hosts'), text.replace('eth0', 'lo')), /^(shm|tcp)$/)
})

mpi.each(commands('mpi/README.md'))(`Open MPI: %s${why}`, async (_, text) => {
  expectTwoByTwo(await pasteWith(read('mpi/hosts'), text), 'mpi')
})

mpi(`Open MPI starts processes that meet at a rendezvous, with the variables of the last row${why}`, async () => {
  const row = /`(-x HOROVOD_TRANSPORT=tcp [^`]*)`/.exec(read('mpi/README.md'))![1]!
  const variables = row.replace('host1', '127.0.0.1').replace('29500', String(await freePort()))
  const text = blocks('mpi/README.md')[0]!.replace('-x PATH', `-x PATH ${variables}`)
  expectTwoByTwo(await pasteWith(read('mpi/hosts'), text, { HOROVOD_SECRET_KEY: 'secret of a test' }), 'tcp')
})

describe('Slurm', () => {
  /** What sbatch reads from the file's head, and tells the script. */
  async function batch(path: string): Promise<Ran> {
    const text = read(path)
    const asked = (name: string) => new RegExp(`^#SBATCH --${name}=(\\S+)$`, 'm').exec(text)![1]!
    return paste(text, {
      SLURM_JOB_ID: await freeJobId(),
      SLURM_JOB_NODELIST: 'node[1-2]',
      SLURM_JOB_NUM_NODES: asked('nodes'),
      SLURM_NTASKS_PER_NODE: asked('ntasks-per-node'),
      SLURM_CPUS_PER_TASK: asked('cpus-per-task'),
    })
  }

  test('train.sbatch', async () => {
    const ran = await batch('slurm/train.sbatch')
    expectTwoByTwo(ran, /^(shm|tcp)$/)
    expect(ran.arguments[0]).toMatch(/ --threads 8$/)
  })

  mpi(`train-mpi.sbatch${why}`, async () => expectTwoByTwo(await batch('slurm/train-mpi.sbatch'), 'mpi'))
})

test.each(commands('torchrun/README.md'))('torchrun: %s', async (_, text) => {
  const port = String(await freePort())
  const ran = await paste(text.replace('29500', port), { TEST_PORT: port })
  expectRanks(ran, /^(shm|tcp)$/, [
    [0, 2, 0, 2, 0, 1],
    [1, 2, 1, 2, 0, 1],
  ])
})

describe('Kubernetes', () => {
  const documents = parseAllDocuments(read('kubernetes/mpijob.yaml'))
  const [claim, job] = documents.map((document) => document.toJS())
  const { Launcher: launcher, Worker: worker } = job.spec.mpiReplicaSpecs
  const [launch] = launcher.template.spec.containers
  const [work] = worker.template.spec.containers
  const dockerfile = read('kubernetes/Dockerfile')

  test('mpijob.yaml is an MPIJob of the operator version 2, whose volume is claimed', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
    expect(claim).toMatchObject({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' })
    expect(job).toMatchObject({ apiVersion: 'kubeflow.org/v2beta1', kind: 'MPIJob' })
    expect(launcher.replicas).toBe(1)
    const { volumes } = worker.template.spec
    expect(volumes[0].persistentVolumeClaim.claimName).toBe(claim.metadata.name)
    expect(work.volumeMounts.map(({ name }: { name: string }) => name)).toEqual(
      volumes.map(({ name }: { name: string }) => name),
    )
  })

  test('what the manifest says, the image has', () => {
    expect(launch.image).toBe(work.image)
    expect(dockerfile).toContain(`-t ${work.image} .`)
    expect(read('kubernetes/README.md')).toContain(`docker push ${work.image}\n`)
    expect(dockerfile).toContain(`> ${work.command.at(-1)}`)
    expect(dockerfile).toContain(`'HostKey ${job.spec.sshAuthMountPath}/id_rsa'`)
    expect(dockerfile).toContain(`'Port ${work.readinessProbe.tcpSocket.port}'`)
    const { packageManager } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
    expect(dockerfile).toContain(`npx --yes ${packageManager} `)
  })

  mpi(`the launcher's command trains on the workers that the operator names${why}`, async () => {
    const { replicas } = worker
    const workers = Array.from({ length: replicas }, (_, i) => `worker-${i}.job.svc slots=${job.spec.slotsPerWorker}\n`)
    const ran = await pasteWith(
      workers.join(''),
      `export OMPI_MCA_orte_default_hostfile=$PWD/hosts\n${[...launch.command, ...launch.args].join(' ')}`,
      { OMPI_MCA_orte_keep_fqdn_hostnames: 'true', OMPI_MCA_plm_rsh_args: '-o ConnectionAttempts=10' },
    )
    expectRanks(ran, 'mpi', [
      [0, 2, 0, 1, 0, 2],
      [1, 2, 0, 1, 1, 2],
    ])
    expect(ran.arguments[0]).toContain(`--threads ${work.resources.limits.cpu}`)
  })
})

describe('the pages', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const pages = files.filter((path) => path.endsWith('.md'))

  test('the shell understands all that is to be pasted', () => {
    const scripts = [...files.filter((path) => path.endsWith('.sbatch')).map(read), ...pages.flatMap(blocks)]
    expect(scripts.length).toBeGreaterThan(5)
    for (const text of scripts) execFileSync('bash', ['-n'], { input: text })
  })

  test('links lead somewhere, and from the first page to every folder', () => {
    for (const page of pages)
      for (const [, link] of read(page).matchAll(/\](?:\(|: )(?!https?:)([\w./-]+)/g))
        expect(existsSync(join(root, dirname(page), link!)), `${link} of ${page}`).toBe(true)
    for (const folder of readdirSync(root, { withFileTypes: true }))
      if (folder.isDirectory()) expect(read('README.md')).toContain(`](${folder.name}/`)
  })
})

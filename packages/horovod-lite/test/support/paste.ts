import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { bundle } from './bundle'
import { kill, processesOf, script, temporaryFolder } from './hvdrun'

export interface Ran {
  code: number | null
  output: string
  /** What each process found, by rank (test/programs/launched.ts). */
  ranks: { place: number[]; sum: number; transport: string }[]
  /** What `unet-industrial` was given, once for each process. */
  arguments: string[]
}

let count = 0

/**
 * Runs a text as somebody pastes it into a shell, on this host alone: `hvdrun` is this package's, `unet-industrial` says its place and
 * the sum over all ranks, `ssh` stays here, and Slurm and torchrun are a few lines that set their variables.
 */
export async function paste(text: string, environment: Record<string, string> = {}): Promise<Ran> {
  const folder = temporaryFolder()
  const marker = `paste-${process.pid}-${count++}`
  const programs = await bundle('launched')
  const [local, here, found] = ['node_modules/.bin', 'bin', 'found'].map((name) => {
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name)
  }) as [string, string, string]
  script(local, 'hvdrun', `exec '${process.execPath}' '${programs}/hvdrun.js' "$@"`)
  const sum = `exec '${process.execPath}' '${programs}/program.js' sum > '${found}'/$$.json`
  script(local, 'unet-industrial', `echo "$@" > '${found}'/$$.arguments\n${sum}`)
  for (const [name, text] of Object.entries(PRETENDED)) script(here, name, text)

  const child = spawn('bash', ['-euo', 'pipefail', '-c', text], {
    cwd: folder,
    env: {
      TMPDIR: process.env.TMPDIR,
      HOME: folder,
      PATH: `${here}:${local}:${process.env.PATH}`,
      HVDRUN_TEST: marker,
      ...OPEN_MPI,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  const end = () => {
    child.kill('SIGKILL')
    for (const pid of processesOf(marker)) kill(pid)
  }
  const timer = setTimeout(end, 45_000)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  end()
  const read = (extension: string) =>
    readdirSync(found)
      .filter((name) => name.endsWith(extension))
      .map((name) => readFileSync(join(found, name), 'utf8').trim())
  const ranks = read('.json').map((text): Ran['ranks'][number] => JSON.parse(text.split('\n').at(-1)!))
  return { code, output, ranks: ranks.sort((a, b) => a.place[0]! - b.place[0]!), arguments: read('.arguments') }
}

/** Open MPI as root; and over sockets alone, since it would wait forever for memory shared between "hosts" that are one. */
const OPEN_MPI = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_pml: 'ob1',
  OMPI_MCA_btl: 'tcp,self',
  OMPI_MCA_btl_tcp_if_include: 'lo',
  OMPI_MCA_oob_tcp_if_include: 'lo',
}

const PRETENDED = {
  npx: 'name=$1; shift; exec "$PWD/node_modules/.bin/$name" "$@"',

  ssh: `while :; do case $1 in -o | -p | -i) shift 2 ;; -*) shift ;; *) break ;; esac; done
mkdir -p "$HOME/$1"; export TMPDIR="$HOME/$1" # a host's own: Open MPI's daemons have files of one name
shift; exec sh -c "$*"`,

  scontrol: `[ "$*" = "show hostnames $SLURM_JOB_NODELIST" ] || exit 1
printf '127.0.0.1\\nnode2\\n'`,

  // With --mpi=pmix Open MPI's own launcher gives the processes their PMIx server, and no variable of its own is left.
  srun: `per=$SLURM_NTASKS_PER_NODE; all=$((per * SLURM_JOB_NUM_NODES)); pmix=
while :; do case $1 in --mpi=pmix) pmix=1; shift ;; --*) shift ;; *) break ;; esac; done
cat > "$HOME/task" <<END
#!/bin/sh
rank=\\\${OMPI_COMM_WORLD_RANK:-\\$1}; shift
unset \\$(env | sed -n 's/^\\(OMPI_COMM_[^=]*\\)=.*/\\1/p')
export SLURM_PROCID=\\$rank SLURM_NTASKS=$all SLURM_LOCALID=\\$((rank % $per)) SLURM_NODEID=\\$((rank / $per))
export SLURM_NNODES=$SLURM_JOB_NUM_NODES SLURM_STEP_TASKS_PER_NODE="$per(x$SLURM_JOB_NUM_NODES)"
exec "\\$@"
END
chmod +x "$HOME/task"
[ -z "$pmix" ] || exec mpirun -np $all --oversubscribe "$HOME/task" - "$@"
tasks=; rank=0; code=0
while [ $rank -lt $all ]; do "$HOME/task" $rank "$@" & tasks="$tasks $!"; rank=$((rank + 1)); done
for task in $tasks; do wait $task || code=$?; done
exit $code`,

  torchrun: `while :; do case $1 in --nproc-per-node) size=$2; shift 2 ;; --no-python) shift ;; *) break ;; esac; done
export WORLD_SIZE=$size LOCAL_WORLD_SIZE=$size GROUP_RANK=0 GROUP_WORLD_SIZE=1 TORCHELASTIC_USE_AGENT_STORE=True
export MASTER_ADDR=127.0.0.1 MASTER_PORT=$TEST_PORT
ranks=; rank=0; code=0
while [ $rank -lt $size ]; do RANK=$rank LOCAL_RANK=$rank "$@" & ranks="$ranks $!"; rank=$((rank + 1)); done
for rank in $ranks; do wait $rank || code=$?; done
exit $code`,
}

/** A Slurm job's number whose port (slurm/train.sbatch) is free. */
export async function freeJobId(): Promise<string> {
  for (;;) {
    const id = 1 + Math.floor(Math.random() * 1e7)
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
        .once('error', () => resolve(false))
        .listen(20000 + (id % 10000), '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) return String(id)
  }
}

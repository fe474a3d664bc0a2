import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { version } from '../../package.json'
import { hvdrun, script, temporaryFolder } from '../support/hvdrun'

describe('what cannot be is one line', () => {
  const refused = async (args: string[], code: number, message: RegExp, files: Record<string, string> = {}) => {
    const cwd = temporaryFolder()
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text)
    const ended = await (await hvdrun(args, { cwd, program: 'launched' })).ended
    expect(ended.stderr).toMatch(/^hvdrun: [^\n]*\n$/)
    expect(ended.stderr).toMatch(message)
    expect(ended.code).toBe(code)
  }

  test.each<[string, string[], number, RegExp]>([
    ['no command', ['-np', '2'], 2, /got no command/],
    ['no number', ['node', 'x.js'], 2, /got no number of processes, expected -np N, or hosts/],
    ['a wrong number', ['-np', 'two', 'true'], 2, /'two' is invalid. Expected a whole number of at least 1/],
    ['an unknown option', ['-np', '2', '--fast', 'true'], 2, /unknown option '--fast'/],
    ['a misspelt option', ['-np', '2', '--hostss', 'a', 'true'], 2, /'--hostss' \(Did you mean --hosts\?\)/],
    ['an option without its value', ['--hosts'], 2, /option '-H, --hosts <list>' argument missing/],
    ['too few slots', ['-np', '5', '-H', 'localhost:4', 'true'], 1, /got 5 processes for 4 slots on localhost:4/],
    ['a host twice', ['-np', '2', '-H', 'a:1,a:1', 'true'], 1, /got a twice/],
    ['slots that are none', ['-np', '2', '-H', 'a:x', 'true'], 1, /got "a:x", expected host or host:slots/],
    ['hosts twice', ['-np', '2', '-H', 'a', '--hostfile', 'b', 'true'], 2, /got --hosts and --hostfile/],
    ['no hostfile', ['-np', '2', '--hostfile', 'none', 'true'], 1, /cannot read none \(ENOENT\)/],
    [
      'a host that cannot be reached',
      ['-np', '1', '-H', 'nowhere', '--ssh-command', 'false', 'true'],
      1,
      /host nowhere: false ended with code 1 before hvdrun's agent had started; try: false nowhere true/,
    ],
    ['no ssh', ['-np', '1', '-H', 'nowhere', '--ssh-command', 'no-ssh', 'true'], 1, /cannot run no-ssh \(ENOENT\)/],
    [
      'no such interface',
      ['-np', '1', '--network-interface', 'eth99', 'true'],
      1,
      /network interface: got eth99, expected one of this host's: .*lo/,
    ],
    ['elastic MPI', ['--min-np', '1', '--transport', 'mpi', 'true'], 2, /got --transport mpi with elastic options/],
    ['fewer at most than at least', ['--min-np', '3', '--max-np', '2', 'true'], 2, /got --max-np 2 below --min-np 3/],
    ['fewer than at least', ['-np', '1', '--min-np', '2', 'true'], 2, /got -np 1 below --min-np 2/],
    ['more than at most', ['-np', '5', '--max-np', '4', 'true'], 2, /got -np 5 above --max-np 4/],
    [
      'hosts beside a script that finds them',
      ['--min-np', '1', '-H', 'a', '--host-discovery-script', 'true', 'true'],
      2,
      /got --host-discovery-script and --hosts, expected one of them/,
    ],
    ['a port that there is not', ['-np', '1', '-p', '65536', 'true'], 2, /'65536' is invalid\. .* from 1 to 65535/],
    [
      'slots of no script',
      ['--min-np', '1', '--slots-per-host', '2', 'true'],
      2,
      /got --slots-per-host without --host-d/,
    ],
    ['a reset limit', ['-np', '1', '--reset-limit', '2', 'true'], 2, /got --reset-limit without an elastic job/],
    ['a timeout', ['-np', '1', '--elastic-timeout', '600', 'true'], 2, /got --elastic-timeout without an elastic job/],
    ['a cooldown', ['-np', '1', '--blacklist-cooldown', '2', 'true'], 2, /got --blacklist-cooldown without an elastic/],
    ['arguments of no mpirun', ['-np', '1', '--mpi-args', 'x', 'true'], 2, /got --mpi-args without --transport mpi/],
  ])('%s', (_, args, code, message) => refused(args, code, message))

  test('a wrong line of a hostfile, with its number', () =>
    refused(['-np', '1', '--hostfile', 'hosts', 'true'], 1, /got "b slots=many" in line 2 of hosts/, {
      hosts: 'a:1\nb slots=many\n',
    }))

  const noSsh = spawnSync('ssh', ['-V']).status === 0 ? undefined : 'ssh is not installed'
  test.skipIf(noSsh)(`a host that ssh cannot reach, in ssh's words${noSsh ? ` (${noSsh})` : ''}`, () =>
    refused(
      ['-np', '1', '-H', 'root@localhost', '--ssh-port', '1', 'true'],
      1,
      /ssh ended with code 255 .*port 1.*refused/,
    ),
  )

  const hostThat = (what: string) => ['-np', '1', '-H', 'a', '--ssh-command', script(temporaryFolder(), 'other', what)]
  test('a host that does not answer', () =>
    refused([...hostThat('sleep 100'), '--start-timeout', '1', 'true'], 1, /host a: no answer within 1 s/))

  test('a host with another version', () =>
    refused(
      [...hostThat(`echo '{"say":"hello","version":"0.0.0"}'; cat > /dev/null`), 'true'],
      1,
      /host a: horovod-lite there is 0\.0\.0, expected \S+ as here/,
    ))

  test('a host with too old a Node.js', () =>
    refused(
      [...hostThat(`echo '{"say":"hello","version":"${version}","node":"v20.18.3"}'; cat > /dev/null`), 'true'],
      1,
      /host a: Node\.js there is v20\.18\.3, expected >=20\.19: install it there as \S+\n$/,
    ))

  /** It has that file somewhere else. */
  const hostWithout = (file: string) =>
    hostThat(
      `sh -c "$(printf %s "$2" | sed 's#${file}#/elsewhere#')" 2> "$0.said"; code=$?; sed 's#/elsewhere#${file}#' "$0.said" >&2; exit $code`,
    )

  test('a host without Node.js at the same path', () =>
    refused(
      [...hostWithout(process.execPath), 'true'],
      1,
      new RegExp(
        `^hvdrun: host a: cannot run ${process.execPath} there; install Node\\.js >=20\\.19 at the same path as here\n$`,
      ),
    ))

  test('a host without the package at the same path', () =>
    refused(
      [...hostWithout('/agent.js'), 'true'],
      1,
      /^hvdrun: host a: there is no \S+\/agent\.js there; install horovod-lite \S+ at the same path as here\n$/,
    ))

  test('each of several hosts that cannot be reached', async () => {
    const { stderr } = await (await hvdrun(['-np', '2', '-H', 'a,b', '--ssh-command', 'false', 'true'])).ended
    expect(stderr).toMatch(/^hvdrun: host a: .*\nhvdrun: host b: .*\n$/)
  })

  test('a folder that the other host has not', async () => {
    const cwd = temporaryFolder()
    const ssh = script(temporaryFolder(), 'removing', `rmdir ${cwd}; shift; exec sh -c "$1"`)
    const job = await hvdrun(['-np', '1', '-H', 'a', '--ssh-command', ssh, 'true'], { cwd })
    expect((await job.ended).stderr).toMatch(/rank 0 on a did not run: the folder .* is not there/)
  })

  test('a command that is not there', async () => {
    const { code, stderr } = await (await hvdrun(['-np', '2', 'no-such-command'])).ended
    expect(code).toBe(127)
    expect(stderr).toMatch(/rank \d on localhost did not run: the command no-such-command was not found/)
  })

  test('a rank that never comes is named', async () => {
    const command = ['--', 'sh', '-c', '[ $HOROVOD_RANK = 1 ] && sleep 100; exec "$0" "$1" sum', 'NODE', 'PROGRAM']
    const { code, stderr } = await (await hvdrun(['-np', '2', '--start-timeout', '3', ...command])).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/waited 3 s for all processes to start; rank 1 did not come/)
  })

  test('--check-build, --version and --help', async () => {
    const told = async (option: string) => (await (await hvdrun([option])).ended).stdout
    expect(await told('--check-build')).toMatch(/\[x\] tcp .*\n.*shm .*\n.*mpi /)
    expect(await told('--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(await told('--help')).toMatch(/Examples:\n {2}hvdrun -np 4/)
  })
})

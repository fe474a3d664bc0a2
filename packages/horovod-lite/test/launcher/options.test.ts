import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { parseOptions } from '../../src/launcher/options'
import { temporaryFolder } from '../support/hvdrun'

const parsed = (line: string) => parseOptions(line.split(' '), () => {})!

afterEach(() => vi.unstubAllEnvs())

test('what is not said is as horovodrun has it', () => {
  expect(parsed('-np 2 node train.mjs --epochs 3')).toEqual({
    command: ['node', 'train.mjs', '--epochs', '3'],
    size: 2,
    hosts: [{ name: 'localhost', slots: 2 }],
    transport: 'auto',
    startTimeout: 30,
    timestamps: false,
    verbose: false,
    sshCommand: 'ssh',
    mpiArguments: [],
    variables: {},
  })
})

test("horovodrun's options and the variables that they set", () => {
  const { variables, ...settings } = parsed(
    '--num-proc=3 -H a:2,b:2 -p 2222 -i key --network-interfaces eth0,ib0 --start-timeout 60 --output-filename out ' +
      '--timeline-filename t.json --fusion-threshold-mb 0 --stall-check-warning-time-seconds 5 ' +
      '--stall-check-shutdown-time-seconds 0 --no-stall-check --verbose -prefix-timestamp sh -c true -np 9',
  )
  expect(settings).toMatchObject({
    command: ['sh', '-c', 'true', '-np', '9'],
    size: 3,
    hosts: [{ name: 'a', slots: 2 }, { name: 'b', slots: 2 }], // biome-ignore format: one line
    sshPort: 2222,
    sshIdentityFile: 'key',
    networkInterface: 'eth0,ib0',
    startTimeout: 60,
    outputFilename: 'out',
    verbose: true,
    timestamps: true,
  })
  expect(variables).toEqual({
    HOROVOD_GLOO_IFACE: 'eth0,ib0',
    HOROVOD_START_TIMEOUT: '60',
    HOROVOD_TIMELINE: 't.json',
    HOROVOD_FUSION_THRESHOLD: '0',
    HOROVOD_STALL_CHECK_TIME_SECONDS: '5',
    HOROVOD_STALL_SHUTDOWN_TIME_SECONDS: '0',
    HOROVOD_STALL_CHECK_DISABLE: '1',
  })
})

test('without -np there are as many processes as slots', () => {
  const path = join(temporaryFolder(), 'hosts')
  writeFileSync(path, 'a slots=2\nb slots=4\n')
  expect(parsed(`-hostfile ${path} true`).size).toBe(6)
  expect(parsed('-H a:2,b true').size).toBe(3)
})

test('a -- ends the options', () => {
  expect(parsed('-np 2 -- -strange --command').command).toEqual(['-strange', '--command'])
  expect(parsed('-np 2 -- -v -np').command).toEqual(['-v', '-np'])
})

test('elastic options', () => {
  const line =
    '-np 4 --min-num-proc 2 --max-np 8 --host-discovery-script ./hosts.sh --slots-per-host 2 --reset-limit 3 ' +
    '--elastic-timeout 9 --blacklist-cooldown 7 true'
  expect(parsed(line)).toMatchObject({
    size: 4,
    elastic: {
      minSize: 2,
      maxSize: 8,
      discoveryScript: './hosts.sh',
      slotsPerHost: 2,
      resetLimit: 3,
      timeout: 9,
      blacklistCooldown: 7,
    },
  })
  expect(parsed('--min-np 2 -H a:3 true')).toMatchObject({ size: 2, hosts: [{ name: 'a', slots: 3 }] })
})

test("what the user's environment says counts where no option does", () => {
  vi.stubEnv('HOROVOD_TRANSPORT', 'mpi')
  vi.stubEnv('HOROVOD_GLOO_IFACE', 'ib0')
  vi.stubEnv('HOROVOD_START_TIMEOUT', '90')
  expect(parsed('-np 2 true')).toMatchObject({ transport: 'mpi', networkInterface: 'ib0', startTimeout: 90 })
  expect(parsed('-np 2 --transport tcp true')).toMatchObject({ transport: 'tcp', startTimeout: 90 })
})

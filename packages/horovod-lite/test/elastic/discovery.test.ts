import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Discovery, parseDiscovered } from '../../src/launcher/elastic/discovery'
import type { Host } from '../../src/launcher/hosts'
import { onHost } from '../../src/launcher/ssh'
import { kill, script, temporaryFolder } from '../support/hvdrun'

describe('what a discovery script prints', () => {
  test('a line for each host, with slots or without', () => {
    expect(parseDiscovered('b:2\n\n  a \r\nc:0\n', 3)).toEqual([
      { name: 'b', slots: 2 },
      { name: 'a', slots: 3 },
    ])
    expect(parseDiscovered('')).toEqual([])
  })

  test('anything else is an error that names the line', () => {
    expect(() => parseDiscovered('a:1\nnot found: b\n')).toThrow('got the line "not found: b", expected host:slots')
    for (const line of ['-oProxyCommand=true:1', '-v:1', 'a:b', 'a,b:1', 'x=y:1'])
      expect(() => parseDiscovered(line)).toThrow(`got the line "${line}", expected host:slots`)
    expect(() => parseDiscovered('a:1\nb:1\na:2')).toThrow('got a twice, expected each host once')
    expect(() => parseDiscovered('a')).toThrow(/without slots, expected host:slots, or the option --slots-per-host/)
  })
})

test('what looks like an option never reaches ssh', async () => {
  const options = { sshCommand: 'ssh', startTimeoutSeconds: 1 }
  await expect(onHost('-oProxyCommand=true', options, 'true')).rejects.toThrow(
    'got the host -oProxyCommand=true, expected a name',
  )
})

describe('a discovery script', () => {
  let discovery: Discovery | undefined
  afterEach(() => discovery?.stop())

  function start(command: string, longest?: number) {
    const said: string[] = []
    const answers: Host[][] = []
    const options = { onChange: (hosts: Host[]) => answers.push(hosts), warn: (line: string) => said.push(line) }
    discovery = new Discovery({ script: command, longest, ...options })
    discovery.start()
    const until = async (fits: () => boolean) => {
      while (!fits()) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return { said, answers, until }
  }

  test('that fails leaves the last answer, and is told of once', async () => {
    const folder = temporaryFolder()
    const file = script(folder, 'discover', `echo . >> ${folder}/asked; cat ${folder}/hosts`)
    const { said, answers, until } = start(file)
    await until(() => said.length === 1) // the first time, too
    expect(said[0]).toMatch(/--host-discovery-script .*: it ended with code 1 \(cat: .*No such file.*\)/)
    writeFileSync(join(folder, 'hosts'), 'a:1\n')
    await until(() => answers.length === 1)
    writeFileSync(join(folder, 'hosts'), 'what?!: no\n')
    await until(() => said.length === 2)
    const asked = () => readFileSync(join(folder, 'asked'), 'utf8').length
    const before = asked()
    await until(() => asked() >= before + 4)
    expect([answers, said.length]).toEqual([[[{ name: 'a', slots: 1 }]], 2])
  })

  test('may leave something behind that holds its pipes open', async () => {
    const folder = temporaryFolder()
    const daemon = join(folder, 'daemon')
    const { answers, until } = start(
      `test -e ${daemon} || { setsid sleep 60 & echo $! > ${daemon}; }; echo a:$(cat ${folder}/slots)`,
    )
    try {
      writeFileSync(join(folder, 'slots'), '1')
      await until(() => answers.length === 1)
      writeFileSync(join(folder, 'slots'), '2')
      await until(() => answers.length === 2)
      expect(answers).toEqual([[{ name: 'a', slots: 1 }], [{ name: 'a', slots: 2 }]])
    } finally {
      kill(Number(readFileSync(daemon, 'utf8')))
    }
  })

  test('that hangs is ended, told of, and asked again', async () => {
    const folder = temporaryFolder()
    const { said, answers, until } = start(`test -e ${folder}/hosts || sleep 60; cat ${folder}/hosts`, 0.3)
    await until(() => said.length === 1)
    expect(said[0]).toMatch(/--host-discovery-script .*: it did not end within 0\.3 s; the hosts stay/)
    writeFileSync(join(folder, 'hosts'), 'a:1\n')
    await until(() => answers.length === 1)
  })

  test('whose list flaps disturbs nobody; a host is gone when two answers in a row are without it', async () => {
    const folder = temporaryFolder()
    const asked = join(folder, 'asked')
    const { answers, until } = start(
      `echo . >> ${asked}; echo a:1; test $(wc -l < ${asked}) -gt 4 || test $(($(wc -l < ${asked}) % 2)) = 0 || echo b:1`,
    )
    await until(() => answers.length === 2)
    const [both, one] = answers
    expect(both).toEqual([
      { name: 'a', slots: 1 },
      { name: 'b', slots: 1 },
    ])
    expect(one).toEqual([{ name: 'a', slots: 1 }])
    expect(readFileSync(asked, 'utf8').split('\n').length - 1).toBeGreaterThanOrEqual(5) // a b, a, a b, a, a
  })

  test('ends with what it started', async () => {
    const folder = temporaryFolder()
    const { until } = start(`sh -c 'sleep 1; touch ${folder}/late' & touch ${folder}/begun; wait`)
    await until(() => existsSync(join(folder, 'begun')))
    discovery!.stop()
    await new Promise((resolve) => setTimeout(resolve, 1300))
    expect(existsSync(join(folder, 'late'))).toBe(false)
  })
})

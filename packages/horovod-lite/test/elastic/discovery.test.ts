import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Discovery, parseDiscovered } from '../../src/launcher/elastic/discovery'
import type { Host } from '../../src/launcher/hosts'
import { script, temporaryFolder } from '../support/hvdrun'

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
    expect(() => parseDiscovered('a')).toThrow(/without slots, expected host:slots, or the option --slots-per-host/)
  })
})

describe('a discovery script', () => {
  let discovery: Discovery | undefined
  afterEach(() => discovery?.stop())

  function start(command: string) {
    const said: string[] = []
    const answers: Host[][] = []
    const options = { onChange: (hosts: Host[]) => answers.push(hosts), warn: (line: string) => said.push(line) }
    discovery = new Discovery({ script: command, ...options })
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

  test('ends with what it started', async () => {
    const folder = temporaryFolder()
    const { until } = start(`sh -c 'sleep 1; touch ${folder}/late' & touch ${folder}/begun; wait`)
    await until(() => existsSync(join(folder, 'begun')))
    discovery!.stop()
    await new Promise((resolve) => setTimeout(resolve, 1300))
    expect(existsSync(join(folder, 'late'))).toBe(false)
  })
})

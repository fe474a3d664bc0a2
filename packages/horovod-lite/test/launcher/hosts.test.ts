import { writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLocal, listed, parseHosts, placesOn, readHostfile } from '../../src/launcher/hosts'
import { temporaryFolder } from '../support/hvdrun'

describe('hosts', () => {
  test.each<[string, [string, number][]]>([
    ['a', [['a', 1]]],
    ['a:2,b:3', [['a', 2], ['b', 3]]], // biome-ignore format: one line
    ['a:2, user@b.cluster', [['a', 2], ['user@b.cluster', 1]]], // biome-ignore format: one line
    ['10.0.0.1:2,[fe80::1]:4,me@[::1%eth0]', [['10.0.0.1', 2], ['fe80::1', 4], ['me@::1%eth0', 1]]], // biome-ignore format: one line
  ])('%s', (list, hosts) => {
    expect(parseHosts(list)).toEqual(hosts.map(([name, slots]) => ({ name, slots })))
  })

  test.each(['', 'a,', 'a:', 'a:x', 'a:0', 'a:1:2', 'a b', '-oProxyCommand=x:1', '::1'])('refuses "%s"', (list) => {
    expect(() => parseHosts(list)).toThrow(/^hosts: got "[^"]*", expected host or host:slots/)
  })

  test('refuses a host that is there twice', () => {
    expect(() => parseHosts('a:1,b,a:1')).toThrow('hosts: got a twice, expected each host once, with all its slots')
  })
})

describe('a hostfile', () => {
  const read = (text: string) => {
    const path = join(temporaryFolder(), 'hosts')
    writeFileSync(path, text)
    return readHostfile(path)
  }

  test("in horovodrun's and Open MPI's forms, with comments", () => {
    const text =
      '# the cluster\n\nalpha slots=2\n  beta slots = 4 max_slots=8 # big\ngamma:3\r\ndelta\nepsilon max-slots=2\n'
    expect(read(text)).toEqual([
      { name: 'alpha', slots: 2 },
      { name: 'beta', slots: 4 },
      { name: 'gamma', slots: 3 },
      { name: 'delta', slots: 1 },
      { name: 'epsilon', slots: 1 },
    ])
  })

  test("with IPv6 addresses in brackets, which are ssh's and a socket's without", () => {
    expect(read('[::1]:2\n[fe80::1] slots=3\n')).toEqual([
      { name: '::1', slots: 2 },
      { name: 'fe80::1', slots: 3 },
    ])
    expect(listed(read('[::1]:2\na slots=3\n'))).toBe('[::1]:2,a:3')
  })

  test.each(['a b', 'a slots=many', 'a slots=0', 'a:', '-a slots=1', 'a slots'])(
    'refuses "%s" with its line',
    (line) => {
      expect(() => read(`fine\n${line}\n`)).toThrow(new RegExp(`^hostfile: got "${line}" in line 2 of /.*, expected`))
    },
  )

  test('refuses one without hosts', () => {
    expect(() => read('# nobody\n')).toThrow(/^hostfile: got no host in/)
  })
})

describe('places', () => {
  const placed = (list: string, size: number) =>
    placesOn(parseHosts(list), size).map((place) => Object.values(place).join(' '))

  test('fill the hosts in turn', () => {
    // host, rank of size, local rank of size, cross rank of size
    expect(placed('a:2,b:3,c:1', 6)).toEqual([
      'a 0 6 0 2 0 3',
      'a 1 6 1 2 0 2',
      'b 2 6 0 3 1 3',
      'b 3 6 1 3 1 2',
      'b 4 6 2 3 0 1',
      'c 5 6 0 1 2 3',
    ])
  })

  test('leave hosts out that are not needed', () => {
    expect(placed('a:2,b:3,c:1', 3)).toEqual(['a 0 3 0 2 0 2', 'a 1 3 1 2 0 1', 'b 2 3 0 1 1 2'])
  })

  test('are refused where there are too few slots', () => {
    expect(() => placed('a:2,b', 4)).toThrow('got 4 processes for 3 slots on a:2,b:1, expected at least as many slots')
  })
})

describe('a host is this one', () => {
  const [own] = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  test.each(['localhost', '127.0.0.1', '127.0.1.1', '::1', hostname(), own!.address])('%s', async (name) => {
    expect(await isLocal(name)).toBe(true)
  })
  test.each(['elsewhere', '192.0.2.1', `${hostname()}x`, `user@${hostname()}`])('not %s', async (name) => {
    expect(await isLocal(name)).toBe(false)
  })
  const otherName = hostname().includes('.') ? hostname().split('.')[0]! : `${hostname()}.cluster`
  test.each([
    ['its own', [own!.address], true],
    ["another host's", ['192.0.2.7'], false],
    ['unknown', [], false],
  ])('under its name with a domain, or without, where the address is %s: %j, %s', async (_, addresses, local) => {
    expect(await isLocal(otherName, async () => addresses)).toBe(local)
  })
  test('not under a name with its own first part that nobody knows', async () => {
    expect(await isLocal(`${hostname().split('.')[0]}.invalid`)).toBe(false)
  })
})

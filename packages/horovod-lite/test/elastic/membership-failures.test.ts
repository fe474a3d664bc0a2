import { describe, expect, test } from 'vitest'
import { HostList } from '../../src/launcher/elastic/host-list'
import { hosts, Simulation, simulation } from './simulation'

// The scenarios of Horovod's test_elastic_driver.py and test_elastic_*.py, and what they leave open.

describe('a failure', () => {
  test('takes its host with it, where the others are enough', () => {
    const all = simulation('a:2 b:2', { min: 2 })
    all.kill('b1')
    all.settle()
    expect([all.world, all.processes]).toEqual([
      ['a0', 'a1'],
      ['a0', 'a1'],
    ])
    all.found(hosts('a:2 b:2 c:1'))
    all.settle()
    expect(all.world).toEqual(['a0', 'a1', 'c0'])
  })

  test('of rank 0: another with the state follows', () => {
    const all = simulation('a:2 b:2', { min: 2 })
    all.kill('a0')
    all.settle()
    expect(all.world).toEqual(['b0', 'b1'])
  })

  test('keeps the living ranks of its host where the others are too few', () => {
    const all = simulation('a:3 b:1', { min: 3 })
    all.kill('a0')
    all.settle()
    expect(all.world).toEqual(['a1', 'a2', 'b0'])
    all.found(hosts('a:3 b:1 c:1'))
    all.settle()
    expect(all.world).toEqual(['a1', 'a2', 'b0', 'c0']) // nothing new on a
  })

  test('on a host that is needed is forgiven: its ranks stay when others have come', () => {
    const all = simulation('a:3', { min: 2 })
    all.kill('a0')
    all.settle()
    all.found(hosts('a:3 c:2'))
    all.settle()
    expect(all.world).toEqual(['a1', 'a2', 'c0', 'c1'])
    all.kill('a2') // not twice
    all.settle()
    expect(all.world).toEqual(['c0', 'c1'])
  })

  test('of all who have the state, before a joiner got it: nobody could go on', () => {
    const all = simulation('a:1', { min: 1 })
    all.found(hosts('a:1 b:1'))
    all.register('b0')
    all.register('a0')
    expect(all.world).toEqual(['a0', 'b0'])
    all.kill('a0')
    all.register('b0')
    expect(all.end?.reason).toBe('rank 0 on a failed; nobody is left who has the training state')
  })

  test('on the only host: the others go on', () => {
    const all = simulation('a:3', { min: 2, fixedHosts: true })
    all.kill('a0')
    all.settle()
    expect(all.world).toEqual(['a1', 'a2'])
    all.kill('a1')
    all.settle()
    expect(all.end?.reason).toBe(
      'rank 0 on a failed; 1 process can run, expected at least 2, and no other host can come',
    )
  })

  test('is named, not that of a joiner before', () => {
    const all = simulation('a:1 b:1', { min: 2, fixedHosts: true })
    all.found(hosts('a:1 b:1 c:1'))
    all.kill('c0')
    all.kill('b0')
    all.settle()
    expect(all.end?.reason).toMatch(/^rank 1 on b failed; /)
  })

  test('of every host: those who live go on', () => {
    const all = simulation('a:2 b:2', { min: 2 })
    all.kill('a0')
    all.kill('b1')
    all.settle()
    expect(all.world).toEqual(['a1', 'b0'])
  })

  test('of all: the job ends, naming the first', () => {
    const all = simulation('a:1 b:1')
    all.kill('b0')
    all.kill('a0')
    all.settle()
    expect(all.end?.reason).toBe('rank 1 on b failed; nobody is left who has the training state')
    expect(all.end?.failure?.code).toBe(7)
  })

  test('of all who have the state, while a joiner waits: nobody could go on', () => {
    const all = simulation('a:2', { min: 1 })
    all.found(hosts('a:2 b:1'))
    all.settle({ commits: false })
    expect(all.processes).toEqual(['a0', 'a1', 'b0'])
    all.kill('a0')
    all.kill('a1')
    all.settle()
    expect(all.end?.reason).toMatch(/nobody is left who has the training state/)
  })

  test('before the first world: the others begin without it', () => {
    const all = new Simulation({ min: 2 })
    all.found(hosts('a:1 b:1 c:1'))
    all.step()
    all.kill('a0')
    all.settle()
    expect(all.world).toEqual(['b0', 'c0'])
  })

  test('to register before the first world: the others wait for it as long as the start timeout says', () => {
    const all = new Simulation({ min: 1, startTimeout: 30 })
    all.found(hosts('a:1 b:1'))
    all.register('b0')
    all.wait(30)
    expect(all.world).toEqual([])
    all.wait(1)
    expect(all.world).toEqual(['b0'])
    all.register('a0')
    all.settle()
    expect(all.world).toEqual(['b0', 'a0'])
  })

  test('to answer, of a host: the time to register begins when it has', () => {
    const all = new Simulation({ min: 1, startTimeout: 30 })
    all.found(hosts('a:1 b:1'))
    all.register('b0')
    all.wait(25)
    all.started('a0')
    all.wait(25)
    expect(all.world).toEqual([])
    all.register('a0')
    expect(all.world).toEqual(['a0', 'b0'])
  })

  test('while the next world is formed', () => {
    const all = simulation('a:2 b:1 c:1', { min: 2 })
    all.kill('c0')
    all.step() // the first of them registers
    all.kill('b0')
    all.settle()
    expect(all.world).toEqual(['a0', 'a1'])
    expect(all.worlds).toBe(2)
  })

  test('of a command that cannot run anywhere ends the job at once', () => {
    const all = new Simulation({ min: 1 })
    all.found(hosts('a:1 b:1'))
    all.kill('a0')
    all.kill('b0')
    all.settle()
    expect(all.end?.reason).toBe(
      'rank 0 on a failed; 0 processes can run, expected at least 1, and no other host can come',
    )
  })
})

describe('the cooldown', () => {
  test('keeps a host out for a while, and longer each time', () => {
    const all = simulation('a:1 b:1', { min: 1, cooldown: 10 })
    all.kill('b0')
    all.settle()
    expect(all.world).toEqual(['a0'])
    all.wait(9)
    expect(all.processes).toEqual(['a0'])
    all.wait(2)
    all.settle()
    expect(all.world).toEqual(['a0', 'b0'])
    all.kill('b0')
    all.settle()
    all.wait(19)
    expect(all.processes).toEqual(['a0'])
    all.wait(2)
    all.settle()
    expect(all.world).toEqual(['a0', 'b0'])
  })

  test('does not free the slots of processes that do not end', () => {
    const all = simulation('a:1 b:2', { cooldown: 10 })
    all.kill('b1')
    all.settle({ ends: false })
    all.wait(11)
    expect(all.processes).toEqual(['a0', 'b0', 'b1']) // b0 is one that was told to end
    all.settle()
    expect(all.world).toEqual(['a0', 'b1', 'b0'])
  })

  test('counts a failure of several processes once, and those of a host that was forgiven again', () => {
    const list = new HostList(10)
    const states = (now: number) =>
      Object.values(list.states(now)).map((each) => each.map(({ name }) => name).join(' '))
    list.update(hosts('a:1 b:2'))
    list.fail('a', 0)
    list.fail('a', 0)
    expect([states(9), states(10)]).toEqual([
      ['b', '', 'a'],
      ['b a', '', ''], // it is the youngest now
    ])
    list.fail('a', 10)
    list.pardon('a')
    expect(states(29)).toEqual(['b', 'a', ''])
    list.fail('a', 29)
    expect([states(29 + 39), states(29 + 40)]).toEqual([
      ['b', '', 'a'],
      ['b a', '', ''],
    ])
    list.update(hosts('a:1 c:1'))
    list.fail('a', 100)
    list.pardon('a')
    expect([states(101), states(10_000)]).toEqual([
      ['c', 'a', ''],
      ['a c', '', ''], // its processes have stayed
    ])
  })

  test('is waited for where nobody else can come', () => {
    const all = simulation('a:1 b:1', { min: 2, cooldown: 10, fixedHosts: true })
    all.kill('b0')
    all.settle({ patience: 5 })
    expect(all.end).toBeUndefined()
    all.wait(11)
    all.settle()
    expect(all.world).toEqual(['a0', 'b0'])
  })
})

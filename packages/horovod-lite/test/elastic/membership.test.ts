import { describe, expect, test } from 'vitest'
import { hosts, Simulation, simulation } from './simulation'

// The scenarios of Horovod's test_elastic_driver.py and test_elastic_*.py, and what they leave open.

test('ranks host by host, local and cross ranks', () => {
  const all = simulation('a:2 b:2', { start: 2, max: 4 })
  expect(all.world).toEqual(['a0', 'a1', 'b0', 'b1'])
  expect(
    all.places.map(({ localRank, localSize, crossRank, crossSize }) => [localRank, localSize, crossRank, crossSize]),
  ).toEqual([
    [0, 2, 0, 2],
    [1, 2, 0, 2],
    [0, 2, 1, 2],
    [1, 2, 1, 2],
  ])
})

test('nothing starts before there are as many slots as -np says', () => {
  const all = simulation('a:2', { start: 4 })
  expect([all.processes, all.world]).toEqual([[], []])
  all.found(hosts('a:2 b:2'))
  all.settle()
  expect(all.world).toEqual(['a0', 'a1', 'b0', 'b1'])
})

test('no more than --max-np', () => {
  const all = simulation('a:2 b:4', { max: 3 })
  expect(all.world).toEqual(['a0', 'a1', 'b0'])
  expect(all.processes).toEqual(['a0', 'a1', 'b0'])
})

describe('hosts that come', () => {
  test('have their processes ready before those who train are disturbed', () => {
    const all = simulation('a:2')
    all.found(hosts('a:2 b:2'))
    all.next()
    expect([all.processes, all.notified]).toEqual([['a0', 'a1', 'b0', 'b1'], 0])
    all.register('b0')
    expect(all.notified).toBe(0) // its neighbour is about to
    all.register('b1')
    expect(all.notified).toBe(1)
    all.settle()
    expect([all.world, all.notified]).toEqual([['a0', 'a1', 'b0', 'b1'], 1])
  })

  test('wait no longer than the start timeout for each other', () => {
    const all = simulation('a:2', { startTimeout: 30 })
    all.found(hosts('a:2 b:1 c:1'))
    all.next()
    all.register('b0')
    all.wait(31)
    expect(all.notified).toBe(1)
  })

  test('and fail before they take part disturb nobody', () => {
    const all = simulation('a:2')
    all.found(hosts('a:2 b:1'))
    all.next()
    all.kill('b0')
    all.settle()
    expect([all.world, all.notified, all.worlds]).toEqual([['a0', 'a1'], 0, 1])
  })

  test('and whose processes hang when they have their place are left, with their state, after the start timeout', () => {
    const all = simulation('a:2', { min: 2, startTimeout: 30 })
    all.found(hosts('a:2 z:1'))
    for (const name of ['z0', 'a0', 'a1']) all.register(name)
    expect(all.world).toEqual(['a0', 'a1', 'z0'])
    for (const name of ['a0', 'a1']) all.register(name, true)
    all.wait(30)
    expect([all.world, all.lost]).toEqual([['a0', 'a1', 'z0'], []])
    all.wait(1)
    expect([all.world, all.lost]).toEqual([['a0', 'a1'], ['rank 2 on z did not join its world, and was ended']])
    all.settle()
    all.wait(100)
    expect([all.processes, all.worlds]).toEqual([['a0', 'a1'], 3]) // z counts as failed
  })

  test('are waited for where their world had begun: they may have a long step to end', () => {
    const all = simulation('a:2', { min: 2, startTimeout: 30 })
    all.found(hosts('a:2 z:1'))
    for (const name of ['z0', 'a0', 'a1']) all.register(name)
    for (const name of ['a0', 'a1']) all.register(name)
    all.wait(100)
    expect([all.world, all.lost]).toEqual([['a0', 'a1', 'z0'], []])
  })

  test('and cannot be reached are tried again', () => {
    const all = simulation('a:1')
    all.found(hosts('a:1 b:1'))
    all.next()
    all.unreachable('b', 10)
    all.wait(9)
    expect([all.processes, all.notified]).toEqual([['a0'], 0])
    all.wait(1)
    all.settle()
    expect(all.world).toEqual(['a0', 'b0'])
  })

  test('more slots on a known host', () => {
    const all = simulation('b:1 a:1')
    all.found(hosts('b:3 a:1'))
    all.settle()
    expect(all.world).toEqual(['b0', 'b1', 'b2', 'a0'])
  })

  test('younger hosts come after older ones, whatever their names', () => {
    const all = simulation('m:1')
    all.found(hosts('a:1 m:1 z:1'))
    all.settle()
    all.found(hosts('a:1 z:1'))
    all.settle()
    all.found(hosts('b:1 a:1 z:1'))
    all.settle()
    expect(all.world).toEqual(['a0', 'z0', 'b0'])
  })
})

describe('hosts that are taken away', () => {
  test('are left at the next commit, and rank 0 has the state', () => {
    const all = simulation('a:2 b:2')
    all.found(hosts('b:2'))
    all.next()
    expect([all.notified, all.processes]).toEqual([1, ['a0', 'a1', 'b0', 'b1']])
    all.settle()
    expect([all.world, all.processes]).toEqual([
      ['b0', 'b1'],
      ['b0', 'b1'],
    ])
  })

  test('all at once, for others: the state goes over before they are left', () => {
    const all = simulation('a:2')
    all.found(hosts('b:2'))
    all.settle()
    expect([all.world, all.processes]).toEqual([
      ['b0', 'b1'],
      ['b0', 'b1'],
    ])
    expect(all.worlds).toBe(3) // of a, of both, of b
  })

  test('all at once, for none: they wait, and end when the time is over', () => {
    const all = simulation('a:2', { min: 2, timeout: 100 })
    all.found([])
    all.settle({ patience: 50 })
    expect([all.end, all.processes]).toEqual([undefined, ['a0', 'a1']])
    all.wait(100)
    expect(all.end?.reason).toBe('waited 100 s (--elastic-timeout) for slots for at least 2 processes, there are 0')
  })

  test('all at once, and come back in time', () => {
    const all = simulation('a:2', { min: 2, timeout: 100 })
    all.found([])
    all.settle({ patience: 50 })
    all.found(hosts('a:2'))
    all.settle()
    expect([all.end, all.world, all.worlds]).toEqual([undefined, ['a0', 'a1'], 2])
  })

  test('fewer slots: who has the state stays, though a younger one', () => {
    const all = new Simulation({ startTimeout: 30 })
    all.found(hosts('a:2'))
    all.register('a1')
    all.wait(31)
    expect(all.world).toEqual(['a1'])
    all.found(hosts('a:1'))
    all.settle()
    expect([all.world, all.processes]).toEqual([['a1'], ['a1']])
  })

  test('fewer slots', () => {
    const all = simulation('a:3 b:1')
    all.found(hosts('a:1 b:1'))
    all.settle()
    expect(all.world).toEqual(['a0', 'b0'])
  })

  test('before their processes have registered: those are stopped at once', () => {
    const all = simulation('a:2')
    all.found(hosts('a:2 b:1'))
    all.next()
    all.found(hosts('a:2'))
    all.settle()
    expect([all.processes, all.notified]).toEqual([['a0', 'a1'], 0])
  })
})

describe('limits', () => {
  test('too few: waits, then ends', () => {
    const all = simulation('a:1 b:1', { min: 2, timeout: 100 })
    all.kill('b0')
    all.settle({ patience: 50 })
    expect(all.end).toBeUndefined()
    all.wait(60)
    expect(all.end?.reason).toBe(
      'rank 1 on b failed; waited 100 s (--elastic-timeout) for slots for at least 2 processes, there is one',
    )
  })

  test('too few hosts of a fixed list: ends at once', () => {
    const all = simulation('a:1', { start: 2, min: 2, fixedHosts: true })
    expect(all.end?.reason).toBe('1 process can run, expected at least 2, and no other host can come')
  })

  test('the reset limit: so many worlds may follow the first', () => {
    const all = simulation('a:1 b:1 c:1', { min: 1, resets: 1 })
    all.kill('c0')
    all.settle()
    expect([all.end, all.world]).toEqual([undefined, ['a0', 'b0']])
    all.kill('b0')
    all.settle()
    expect(all.end?.reason).toBe('rank 1 on b failed; the world may change 1 times (--reset-limit), and has')
  })

  test('at the reset limit nobody is disturbed for more hosts, or fewer', () => {
    const all = simulation('a:2', { resets: 0 })
    all.found(hosts('a:1 b:2'))
    all.settle()
    expect([all.world, all.processes, all.notified, all.end]).toEqual([['a0', 'a1'], ['a0', 'a1'], 0, undefined])
  })

  test('a member that never comes back is named', () => {
    const all = simulation('a:2', { min: 1, timeout: 100 })
    all.register('a0') // as after an error of its connection
    all.wait(101)
    expect(all.end?.reason).toBe('waited 100 s (--elastic-timeout) for rank 1 on a to register, which did not')
  })
})

describe('the end', () => {
  test('all end well', () => {
    const all = simulation('a:2')
    for (const id of ['a1', 'a0']) all.finish(id)
    all.next()
    expect(all.end).toEqual({})
  })

  test('one ends well: nobody is started any more, the others end too', () => {
    const all = simulation('a:1 b:1', { cooldown: 1 })
    all.finish('a0')
    all.found(hosts('a:1 b:1 c:1'))
    all.wait(10)
    expect(all.processes).toEqual(['b0'])
    all.finish('b0')
    all.next()
    expect(all.end).toEqual({})
  })

  test('one has missed it: it does the rest alone', () => {
    const all = simulation('a:1 b:1', { min: 2 })
    all.finish('a0')
    all.register('b0')
    expect(all.world).toEqual(['b0'])
    all.finish('b0')
    all.next()
    expect(all.end).toEqual({})
  })

  test('one has missed it, another hangs: the time is over some day', () => {
    const all = simulation('a:1 b:1 c:1', { timeout: 100 })
    all.finish('a0')
    all.wait(1000) // they may have something to write
    all.register('b0')
    all.wait(99)
    expect(all.end).toBeUndefined()
    all.wait(1)
    expect(all.end?.reason).toBe('waited 100 s (--elastic-timeout) for rank 2 on c to register, which did not')
  })

  test('one fails at the end, when there is nothing left to do', () => {
    const all = simulation('a:1 b:1')
    all.finish('a0')
    all.kill('b0')
    all.next()
    expect(all.end?.reason).toBe('rank 1 on b failed, while others had ended well')
  })
})

import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { addressOfInterface, hostId, listeningAddresses, reachableAddresses, written } from '../../src/wire/interfaces'
import { Listener } from '../../src/wire/listener'
import { stranger } from '../support/sockets'

const info = (family: 'IPv4' | 'IPv6', address: string) =>
  ({
    ...{ family, address, netmask: '', mac: '', internal: false, cidr: null, scopeid: 0 },
  }) as never
const interfaces = {
  eth0: [info('IPv6', 'fe80::1'), info('IPv6', '2001:db8::1'), info('IPv4', '192.0.2.1')],
  eth1: [info('IPv6', 'fe80::2'), info('IPv6', '2001:db8::2')],
  eth2: [info('IPv6', 'fe80::3')],
}

test('an interface’s address: IPv4, else IPv6, else the link’s with the interface', () => {
  expect(['eth0', 'eth1', 'eth2'].map((name) => addressOfInterface(name, interfaces))).toEqual([
    '192.0.2.1',
    '2001:db8::2',
    'fe80::3%eth2',
  ])
})

test('of several interfaces the first that is there', () => {
  expect(addressOfInterface('ib0,eth1,eth0', interfaces)).toBe('2001:db8::2')
})

test('an interface that is not there: the error lists those that are', () => {
  expect(() => addressOfInterface('eth9', interfaces)).toThrow(
    "network interface: got eth9, expected one of this host's: eth0, eth1, eth2",
  )
  expect(() => addressOfInterface('eth9')).toThrow(Object.keys(networkInterfaces()).sort()[0])
})

test('reachable addresses are addresses', () => {
  expect(reachableAddresses().length).toBeGreaterThan(0)
  expect(reachableAddresses().join()).not.toMatch(/fe80/)
})

test('a name that leads to this host alone is listened on where others get to, too', async () => {
  const leads = (address: string) => async () => address
  expect(await listeningAddresses('node1', leads('127.0.1.1'))).toEqual(['127.0.1.1', reachableAddresses()[0]])
  expect(await listeningAddresses('node1', leads('192.0.2.7'))).toEqual(['192.0.2.7'])
  expect(await listeningAddresses('localhost', leads('127.0.0.1'))).toEqual(['localhost'])
  expect(await listeningAddresses('127.0.0.1', leads('-'))).toEqual(['127.0.0.1'])
})

test('a name that leads nowhere', async () => {
  await expect(listeningAddresses('nowhere.invalid')).rejects.toThrow(
    /got the host nowhere.invalid, expected a name that leads to this host: E.*; use its address/,
  )
})

test('IPv6 addresses are written with brackets', () => {
  expect(written({ host: '::1', port: 5 })).toBe('[::1]:5')
  expect(written({ host: 'fe80::3%eth2', port: 5 })).toBe('[fe80::3%eth2]:5')
  expect(written({ host: '127.0.0.1', port: 5 })).toBe('127.0.0.1:5')
})

test('a host has one identity', () => {
  expect(hostId()).toBe(hostId())
})

test('a listener listens on its own address and no other', async () => {
  const listener = await Listener.open({ hosts: ['127.0.0.2'], secret: 's', onConnection: () => {} })
  const { port } = listener.addresses[0]!
  for (const host of ['127.0.0.1', ...reachableAddresses().filter((address) => address !== '127.0.0.2')])
    await expect(stranger({ host, port })).rejects.toThrow('ECONNREFUSED')
  const { socket } = await stranger({ host: '127.0.0.2', port })
  socket.destroy()
  listener.destroy()
})

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
test.skipIf(!hasIpv6)(`IPv6${hasIpv6 ? '' : ' (skipped: this host has no ::1)'}`, async () => {
  const listener = await Listener.open({ hosts: ['::1'], secret: 's', onConnection: () => {} })
  const { socket } = await stranger(listener.addresses[0]!)
  socket.destroy()
  listener.destroy()
})

test('an address of another host cannot be listened on', async () => {
  const opening = Listener.open({ hosts: ['127.0.0.1', '192.0.2.1'], secret: 's', onConnection: () => {} })
  await expect(opening).rejects.toThrow(/cannot listen on 192.0.2.1:0: EADDRNOTAVAIL; expected an address of this host/)
})

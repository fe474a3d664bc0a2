import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { script, temporaryFolder } from './hvdrun'

/** Network namespaces that stand for hosts, on one bridge; a host's name is its namespace's. */
export interface Network {
  hosts: string[]
  /** Of each host. */
  addresses: string[]
  /** For --ssh-command: enters the namespace of the host's name. */
  ssh: string
  /** Words in front of a command that runs on a host. */
  on(host: number): string[]
  remove(): void
}

let networks = 0

const run = (command: string) => execFileSync('/bin/sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] })

/** @param rate of each host's sending, as tc writes it, such as `100mbit` */
export function network(count: number, { rate }: { rate?: string } = {}): Network {
  const net = `hvd${process.pid}n${networks++}`
  const hosts = Array.from({ length: count }, (_, i) => `${net}h${i}`)
  const addresses = hosts.map((_, i) => `10.77.${networks}.${i + 1}`)
  const remove = () => {
    for (const name of [...hosts, net])
      try {
        execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
      } catch {
        // it was never made
      }
  }
  try {
    run(`ip netns add ${net}; ip -n ${net} link add bridge type bridge; ip -n ${net} link set bridge up`)
    for (const [i, host] of hosts.entries())
      run(`ip netns add ${host}
        ip -n ${host} link set lo up
        ip -n ${host} link add eth0 type veth peer name port${i} netns ${net}
        ip -n ${host} address add ${addresses[i]}/24 dev eth0
        ip -n ${host} link set eth0 up
        ip -n ${net} link set port${i} master bridge
        ip -n ${net} link set port${i} up
        ${rate ? `ip netns exec ${host} tc qdisc add dev eth0 root tbf rate ${rate} burst 64kb latency 200ms` : ''}`)
  } catch (error) {
    remove()
    throw error
  }
  const ssh = script(temporaryFolder(), 'enter', 'host=$1; shift; exec ip netns exec "$host" sh -c "$1"')
  return { hosts, addresses, ssh, on: (host) => ['ip', 'netns', 'exec', hosts[host]!], remove }
}

/** A second way between two hosts, on which everything takes longer. @returns each host's address on it */
export async function delayedLine(
  { hosts }: Network,
  milliseconds: number,
): Promise<{ addresses: string[]; end(): Promise<void> }> {
  const addresses = ['10.78.0.1', '10.78.0.2']
  const program = fileURLToPath(new URL('delay_relay.py', import.meta.url))
  const ends = hosts.slice(0, 2).flatMap((host, i) => [host, `${addresses[i]}/24`])
  const relay = spawn('python3', [program, String(milliseconds), ...ends], { stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    relay.stdout.once('data', () => resolve())
    relay.once('error', reject)
    relay.once('exit', (code) => reject(new Error(`the relay ended with code ${code}`)))
  })
  const ended = new Promise<void>((resolve) => relay.once('exit', () => resolve()))
  return {
    addresses,
    end() {
      relay.stdin.end()
      return ended
    },
  }
}

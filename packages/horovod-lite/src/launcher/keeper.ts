import { spawn } from 'node:child_process'

/** Its stdin ends with the agent, however that ends. Of the numbers it is told the last line counts. */
const KEEP = 'while read -r line; do groups=$line; done; for group in $groups; do kill -9 "-$group"; done'

/** A shell that ends an agent's process groups where the agent itself no longer can. */
export class Keeper {
  private readonly shell = spawn('/bin/sh', ['-c', KEEP], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  private readonly groups = new Set<number>()

  constructor() {
    this.shell.on('error', () => {})
    this.shell.stdin.on('error', () => {}) // it was killed: the agent goes on
  }

  add(group: number): void {
    this.groups.add(group)
    this.tell()
  }

  delete(group: number): void {
    this.groups.delete(group)
    this.tell()
  }

  private tell(): void {
    this.shell.stdin.write(`${[...this.groups].join(' ')}\n`)
  }
}

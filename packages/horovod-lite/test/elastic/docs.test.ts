import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hvdrun, kill, leftOf, pretendedSsh, processesOf } from '../support/hvdrun'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const page = readFileSync(here('../../docs/elastic.md'), 'utf8')
const block = (fence: string) => new RegExp(`\`\`\`${fence}\n(.*?)\`\`\``, 's').exec(page)![1]!

const folder = here(`../../node_modules/.elastic-${process.pid}`) // where its imports are found
beforeAll(() => mkdirSync(folder))
afterAll(() => rmSync(folder, { recursive: true }))

test("docs/elastic.md's example prints what the page says, though a rank is killed and a host comes", async () => {
  const program = join(folder, 'train.mjs')
  writeFileSync(program, block('js'))
  const hosts = (text: string) => writeFileSync(join(folder, 'hosts'), text)
  hosts('a:2\nb:1\n')
  const elastic = ['--min-np', '2', '--max-np', '4', '--host-discovery-script', 'cat hosts', '--transport', 'tcp']
  const args = [...elastic, '--ssh-command', pretendedSsh(folder), 'NODE', 'PROGRAM']
  const job = await hvdrun(args, { cwd: folder, program })
  await job.says(/world 1: 3 processes/)
  await new Promise((resolve) => setTimeout(resolve, 300)) // it trains
  const onB = processesOf(job.marker).filter((pid) =>
    readFileSync(`/proc/${pid}/environ`, 'utf8').includes('HOROVOD_HOSTNAME=b\0'),
  )
  for (const pid of onB) kill(pid)
  hosts('a:2\nb:1\nc:1\n')
  await job.says(/goes on at step \d+ as 1 of 2/)
  await job.says(/goes on at step \d+ as 1 of 3/)
  const { code, stdout } = await job.ended
  expect(code).toBe(0)
  expect(stdout).toContain(`[0]<stdout>:${block('text')}`)
  expect(await leftOf(job.marker, 5)).toEqual([])
})

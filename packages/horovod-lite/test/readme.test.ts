import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runRanks } from './support/ranks'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const readme = readFileSync(here('../README.md'), 'utf8')
const block = (fence: string, nth: number) =>
  [...readme.matchAll(new RegExp(`\`\`\`${fence}\n(.*?)\`\`\``, 'gs'))][nth]![1]!

const folder = here(`../node_modules/.readme-${process.pid}`) // where its imports are found
beforeAll(() => mkdirSync(folder))
afterAll(() => rmSync(folder, { recursive: true }))

test('its links lead to what is published', () => {
  const links = [...readme.matchAll(/\]\((?!https:|#)([^)#]+)/g)].map(([, link]) => link!)
  const { files } = JSON.parse(readFileSync(here('../package.json'), 'utf8'))
  expect(links).toContain('docs/elastic.md')
  for (const link of links) {
    expect(existsSync(here(`../${link}`)), link).toBe(true)
    expect(files).toContain(link.split('/')[0])
  }
})

test("two processes print what the README's example prints under hvdrun", async () => {
  const program = join(folder, 'train.mjs')
  writeFileSync(program, block('js', 0))
  const ranks = await runRanks({ size: 2, program })
  const lines = ranks.flatMap(({ rank, stdout }) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => `[${rank}]<stdout>:${line}`),
  )
  expect(lines).toEqual(block('text', 1).trimEnd().split('\n'))
})

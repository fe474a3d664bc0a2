import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import '@tensorflow/tfjs-backend-cpu'
import { expect, test } from 'vitest'
import * as browser from '../src/browser'
import * as node from '../src/index'
import { messageOf } from './helpers'

/** Every module that a source file reaches, through its own imports or others'. */
function reached(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const [, from] of readFileSync(path, 'utf8').matchAll(/(?:from|import)\s*\(?'([^']+)'/g))
    if (from!.startsWith('.')) reached(`${join(dirname(path), from!)}.ts`, seen)
    else seen.add(from!)
  return seen
}
const source = (name: string) => fileURLToPath(new URL(`../src/${name}`, import.meta.url))
const packages = (entry: string) => [...reached(source(entry))].filter((name) => !name.startsWith('/')).sort()

test('the browser entry needs nothing of Node', () => {
  expect(packages('browser.ts')).toEqual(['@tensorflow/tfjs-core', 'fast-png'])
  expect(packages('index.ts')).toContain('node:fs/promises') // so the walk does see such imports
})

test('it has what Node’s entry has, but for what works on files', () => {
  const files = ['checkDagm', 'downloadDagm', 'openDagm', 'writeDagm', 'writeLists']
  expect([...Object.keys(browser), ...files].sort()).toEqual(Object.keys(node).sort())
})

test('it reads images by their URLs', async () => {
  const image = { width: 2, height: 1, data: Uint8Array.of(7, 8) }
  const server = createServer(({ url }, response) => {
    if (url === '/a.png') response.end(browser.encodePng(image))
    else response.writeHead(404).end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sample = (name: string) => ({ name, image: `${base}/${name}`, mask: null, defective: false })
  try {
    const dataset = await browser.createDataset([sample('a.png')], { batchSize: 1, normalization: 'none' })
    for await (const batch of dataset) {
      expect(Array.from(batch.image.dataSync())).toEqual([7, 8])
      batch.dispose()
    }
    const message = await messageOf(browser.createDataset([sample('b.png')], { batchSize: 1 }))
    expect(message).toBe(`${base}/b.png: got 404 Not Found, expected a PNG`)
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkGraph, defaultPasses, parseGraph } from '@unet-industrial/graph-compiler'
import { expect, test } from 'vitest'
import type { StageSummary } from '../../src/graph/summary'
import { refusedIn, succeed, temporaryFolder } from '../command-line'

const small = '--image-size 32 --batch-size 1'
const stages = ['recorded', ...defaultPasses.map(({ name }) => name)]

test('alone it tells what each pass does to both steps, and writes all graphs', async () => {
  const folder = temporaryFolder()
  const { stdout, stderr } = await succeed(`graph ${small}`, folder)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^training, 32x32, batch 1\n/)
  expect(stdout).toMatch(
    /\n\ninference, 32x32, batch 1\n[\s\S]*\ngraphs as text and as pictures: graph\/index\.html\n$/,
  )
  for (const name of stages) expect(stdout.match(new RegExp(`^│ ${name} `, 'gm')), name).toHaveLength(2)
  expect(stdout).toMatch(/^│ recorded +│ +\d+ │.* │ +\d+\.\d\d │ +\d+\.\d\d │ +\d+\.\d\d │$/m)

  const index = readFileSync(join(folder, 'graph/index.html'), 'utf8')
  const links = [...index.matchAll(/href="([^"]+)"/g)].map(([, link]) => link!)
  expect(links).toContain('training/00-recorded.html')
  const files = readdirSync(join(folder, 'graph'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(txt|html)$/.test(name),
  )
  expect([...links, 'index.html'].sort()).toEqual(files.sort())
  for (const link of links) {
    const content = readFileSync(join(folder, 'graph', link), 'utf8')
    if (link.endsWith('.txt')) checkGraph(parseGraph(content))
    else
      expect(content).toMatch(
        /^<!doctype html>[\s\S]*<title>(training|inference), 32x32, batch 1, (as recorded|after [\w-]+)<\/title>/,
      )
  }
})

test('with --json one line: from many nodes to few, in less memory, with one update of all variables', async () => {
  const folder = temporaryFolder()
  const { stdout } = await succeed(`graph ${small} --mode training --json --output-dir here`, folder)
  expect(stdout).toMatch(/^[^\n]+\n$/)
  const { training }: { training: StageSummary[] } = JSON.parse(stdout)
  expect(training.map(({ pass }) => pass)).toEqual(stages)
  const [first, last] = [training[0]!, training.at(-1)!]
  expect(last.kinds).toMatchObject({ optimizer: 1 })
  expect(last.nodes).toBeLessThan(first.nodes / 2)
  expect(last.movedBytes).toBeLessThan(first.movedBytes)
  expect(last.arenaBytes).toBeLessThanOrEqual(first.arenaBytes)
  expect(existsSync(join(folder, 'here/index.html'))).toBe(true)
})

test('one graph, as text on the terminal', async () => {
  const graphOf = async (flags: string) => {
    const { stdout } = await succeed(`graph --mode inference ${small} ${flags}`, '.')
    const graph = parseGraph(stdout)
    checkGraph(graph)
    return graph.nodes.map(({ op }) => op)
  }
  const [recorded, alone, upTo, last] = await Promise.all(
    ['--after recorded', '--pass convolution', '--after convolution', '--format text'].map(graphOf),
  )
  expect(recorded).toContain('FusedConv2D')
  expect(alone).toContain('Convolution')
  expect(alone).not.toContain('FusedConv2D')
  expect(upTo).not.toContain('FusedConv2D')
  expect(last!.length).toBeLessThan(recorded!.length)
})

test('one graph in a file, whose name says how', async () => {
  const folder = temporaryFolder()
  const [svg, page, text] = ['a/step.svg', 'step.html', 'step'].map((name) => join(folder, name))
  const { stdout } = await succeed(`graph ${small} -o ${svg}`, '.')
  await succeed(`graph --mode inference ${small} --output=${page}`, '.')
  await succeed(`graph --mode inference ${small} --format svg -o ${text}`, '.')
  expect(stdout).toBe('')
  const start = (path: string) => readFileSync(path, 'utf8').slice(0, 300)
  expect(start(svg!)).toMatch(/^<svg [^>]*>\s*<title>training, 32x32, batch 1<\/title>/)
  expect(start(page!)).toMatch(/^<!doctype html>[\s\S]*inference, 32x32, batch 1/)
  expect(start(text!)).toMatch(/^<svg /)
})

const refused = refusedIn('.')

test('what is wrong is one line', async () => {
  await Promise.all([
    refused(
      'graph --after elementwize',
      2,
      /--after: got elementwize, expected one of recorded, .*; did you mean elementwise/,
    ),
    refused('graph --pass recorded', 2, /--pass: got recorded, expected one of dead-code/),
    refused('graph --pass layout --after layout', 2, /got --pass layout and --after layout, expected one of them/),
    refused('graph --format png', 2, /--format: got "png", expected one of text, svg, html/),
    refused('graph --mode both', 2, /--mode: got "both", expected one of training, inference/),
    refused('graph --image-size 40 --mode inference', 1, /height 40 is not divisible by 16/),
    refused(
      `graph ${small} --mode inference -o /dev/null/graph.svg`,
      1,
      /cannot write \/dev\/null\/graph\.svg: .*; choose another/,
    ),
  ])
})

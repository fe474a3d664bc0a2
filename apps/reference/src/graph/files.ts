import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Graph, graphPage, graphSvg, printGraph } from '@unet-industrial/graph-compiler'
import { makeFolder } from '../files'
import { html } from '../report/markup'
import type { Mode, Recorded } from './record'
import type { Stage } from './stages'
import type { StageSummary } from './summary'

export type Format = 'text' | 'svg' | 'html'

/** A graph as text, as a picture, or as a page to move around in. */
export function show(graph: Graph, format: Format, picture: { title: string; outputs: readonly string[] }): string {
  if (format === 'text') return printGraph(graph)
  return format === 'svg' ? `${graphSvg(graph, picture)}\n` : graphPage(graph, picture)
}

/** @throws one line that names the file */
export function write(path: string, content: string): void {
  try {
    makeFolder(dirname(path))
    writeFileSync(path, content)
  } catch (error) {
    throw new Error(`cannot write ${path}: ${(error as Error).message}; choose another place`, { cause: error })
  }
}

/** One mode's graphs and what they are made of. */
export interface Report {
  mode: Mode
  title: string
  recorded: Recorded
  stages: readonly Stage[]
  summaries: readonly StageSummary[]
}

/**
 * Writes each graph that differs from the one before as text and as a page, `training/03-constant-folding.html`, and
 * index.html, which lists them.
 */
export function writeGraphs(folder: string, reports: readonly Report[]): string {
  for (const report of reports)
    for (const [number, { name, graph, changed }] of report.stages.entries()) {
      if (!changed) continue
      const path = join(folder, fileOf(report.mode, number, name))
      const picture = { title: `${report.title}, ${after(name)}`, outputs: report.recorded.outputs }
      write(`${path}.txt`, show(graph, 'text', picture))
      write(`${path}.html`, show(graph, 'html', picture))
    }
  const index = join(folder, 'index.html')
  write(index, indexPage(reports))
  return index
}

const after = (name: string) => (name === 'recorded' ? 'as recorded' : `after ${name}`)

const fileOf = (mode: Mode, number: number, name: string) => `${mode}/${String(number).padStart(2, '0')}-${name}`

function indexPage(reports: readonly Report[]): string {
  const sections = reports.map(
    ({ mode, title, summaries }) => html`<h2>${title}</h2>
<table><tr><th>graph</th><th>nodes</th><th>GFLOP</th><th>moved, GB</th><th>arena, GB</th><th>operations</th></tr>
${summaries.map((stage, number) => row(mode, stage, number))}</table>
`,
  )
  return html`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Graphs · UNet Industrial</title>
<style>
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: #1c2024; background: #fff }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: right; border-bottom: 1px solid #d9dce1; font-weight: 400; vertical-align: top }
th, td:first-child { white-space: nowrap }
th { color: #60646c }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left }
.same td { color: #60646c }
</style>
<h1>Graphs</h1>
<p>A step as it is recorded, and after each pass of the compiler. "Moved" is what all operations read and write; the arena is
the memory between them.</p>
${sections}</html>
`.text
}

function row(mode: Mode, { pass, changed, nodes, kinds, gflop, movedBytes, arenaBytes }: StageSummary, number: number) {
  if (!changed) return html`<tr class="same"><td>${pass}</td><td colspan="5">finds nothing to do</td></tr>\n`
  const file = fileOf(mode, number, pass)
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2)
  const operations = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`)
  return html`<tr><td><a href="${file}.html">${pass}</a> (<a href="${file}.txt">text</a>)</td><td>${nodes}</td><td>${gflop.toFixed(2)}</td><td>${gigabytes(movedBytes)}</td><td>${gigabytes(arenaBytes)}</td><td>${operations.join(', ')}</td></tr>\n`
}

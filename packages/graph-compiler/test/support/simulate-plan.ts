import { expect } from 'vitest'
import { isView, type MemoryPlan, type Overwrites, type Value } from '../../src/index'

interface Region {
  /** The arena, or an input's or output's memory. */
  readonly space: string
  readonly from: number
  readonly to: number
}

const key = ({ node, output }: Value) => `${node}.${output}`
const overlap = (a: Region, b: Region) => a.space === b.space && a.from < b.to && b.from < a.to
const equal = (a: Region, b: Region) => a.space === b.space && a.from === b.from && a.to === b.to

/** Runs a plan with names in place of values: every read must find what it should, also each output in the end. */
export function simulate({ graph, places, donors, arenaBytes }: MemoryPlan, overwrites: Overwrites): void {
  let memory: (Region & { name: string })[] = []
  const names = new Map<string, string>() // of each value

  const regionOf = ({ node, output }: Value): Region => {
    const { kind, place, bytes } = places[node]![output]!
    const donor = kind === 'output' ? donors[place] : null
    const space = kind === 'arena' ? kind : donor === null ? `${kind} ${place}` : `input ${donor}`
    const from = kind === 'arena' ? place : 0
    if (kind === 'arena') expect(place + bytes).toBeLessThanOrEqual(arenaBytes)
    return { space, from, to: from + bytes }
  }
  const write = (value: Value, name: string) => {
    const region = regionOf(value)
    memory = [...memory.filter((other) => !overlap(other, region)), { ...region, name }]
    names.set(key(value), name)
  }
  const expectThere = (value: Value, message: string) => {
    const region = regionOf(value)
    expect(memory.find((other) => equal(other, region))?.name, message).toBe(names.get(key(value)))
  }

  const inputs = graph.nodes.flatMap(({ op }, node) => (op === 'Input' ? [{ node, output: 0 }] : []))
  for (const [i, input] of inputs.entries()) {
    expect(places[input.node]![0], 'an input').toMatchObject({ kind: 'input', place: i })
    write(input, key(input))
  }
  for (const [number, node] of graph.nodes.entries()) {
    if (node.op === 'Input') continue
    for (const input of node.inputs) if (input) expectThere(input, `%${number} reads`)
    const allowed = overwrites(graph, node)
    const outputs = node.types.map((_, output) => ({ node: number, output }))
    for (const value of outputs) {
      for (const [i, input] of node.inputs.entries()) {
        if (!input || !overlap(regionOf(input), regionOf(value))) continue
        const may = equal(regionOf(input), regionOf(value)) && (isView(node) || allowed[value.output]!.includes(i))
        expect(may, `%${number} writes over input ${i}`).toBe(true)
      }
      write(value, isView(node) ? names.get(key(node.inputs[0]!))! : key(value))
    }
    for (const value of outputs) expectThere(value, `%${number} wrote`)
  }
  for (const [i, output] of graph.outputs.entries()) {
    expect(places[output.node]![output.output], 'an output').toMatchObject({ kind: 'output', place: i })
    expectThere(output, `output ${i}`)
  }
}

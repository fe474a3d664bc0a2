import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, dense, type Graph, type Node, typeOf, type Value } from '../../src/index'
import { isView, type MemoryPlan, type Overwrites, planMemory } from '../../src/plan'

const OPERATIONS = ['Input', 'Reshape', 'Identity', 'Any', 'InPlace'] as const

/** Graphs of any shape; operations mean nothing to a plan but for views. `InPlace` may write each output over any input. */
const graphs: fc.Arbitrary<Graph> = fc
  .array(
    fc.record({
      op: fc.constantFrom(...OPERATIONS),
      reads: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      sizes: fc.array(fc.constantFrom(1, 8, 100), { minLength: 1, maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .chain((recipe) => {
    const nodes: Node[] = []
    const values: Value[] = []
    for (const { op, reads, sizes } of recipe) {
      const source = values.length === 0 || op === 'Input'
      const name = source ? 'Input' : op
      const inputs = source ? [] : reads.map((read) => values[read % values.length]!)
      const isOne = source || isView({ op: name } as Node)
      const first = isView({ op: name } as Node) ? [typeOf({ nodes, outputs: [] }, inputs[0]!).shape[0]!] : sizes
      const types = (isOne ? first.slice(0, 1) : first).map((size) => dense([size]))
      nodes.push({ op: name, inputs: isOne ? inputs.slice(0, 1) : inputs, attributes: {}, types })
      for (const output of types.keys()) values.push({ node: nodes.length - 1, output })
    }
    return fc
      .array(fc.nat(values.length - 1), { minLength: 1, maxLength: 5 })
      .map((outputs) => ({ nodes, outputs: outputs.map((i) => values[i]!) }))
  })

const overwrites: Overwrites = (_, { op, inputs, types }) =>
  types.map(() => (op === 'InPlace' ? [...inputs.keys()] : []))

/**
 * Runs a plan with names instead of values.
 * @returns the name that each output has in the end
 */
function simulate({ graph, places, donors }: MemoryPlan): string[] {
  type Region = { space: string; from: number; to: number; name: string }
  let memory: Region[] = []
  const regionOf = ({ node, output }: Value): Omit<Region, 'name'> => {
    const { kind, place, bytes } = places[node]![output]!
    const donor = kind === 'output' ? donors[place] : null
    if (kind === 'arena') return { space: 'arena', from: place, to: place + bytes }
    return { space: donor === null || donor === undefined ? `${kind} ${place}` : `input ${donor}`, from: 0, to: bytes }
  }
  const overlaps = (a: Omit<Region, 'name'>, b: Omit<Region, 'name'>) =>
    a.space === b.space && a.from < b.to && b.from < a.to
  const write = (region: Omit<Region, 'name'>, name: string) => {
    memory = [...memory.filter((other) => !overlaps(other, region)), { ...region, name }]
  }
  const read = (value: Value) => {
    const region = regionOf(value)
    return memory.find(({ space, from, to }) => space === region.space && from === region.from && to === region.to)
      ?.name
  }
  let inputs = 0
  for (const [number, { op }] of graph.nodes.entries())
    if (op === 'Input') {
      expect(places[number]).toEqual([expect.objectContaining({ kind: 'input', place: inputs++ })])
      write(regionOf({ node: number, output: 0 }), `%${number}`)
    }
  const names = new Map<string, string>()
  const key = ({ node, output }: Value) => `${node}.${output}`
  for (const [number, node] of graph.nodes.entries()) {
    const outputs = node.types.map((_, output) => ({ node: number, output }))
    if (node.op === 'Input') {
      names.set(key(outputs[0]!), `%${number}`)
      continue
    }
    for (const input of node.inputs) expect(read(input!), `input of %${number}`).toBe(names.get(key(input!)))
    for (const output of outputs) {
      const region = regionOf(output)
      const over = node.inputs.filter((input) => overlaps(regionOf(input!), region))
      const allowed = isView(node) || node.op === 'InPlace'
      if (over.length > 0)
        expect(allowed && over.length === 1 && regionOf(over[0]!).from === region.from, `%${number} overwrites`).toBe(
          true,
        )
      const name = isView(node) ? names.get(key(node.inputs[0]!))! : key(output)
      names.set(key(output), name)
      write(region, name)
    }
  }
  return graph.outputs.map((output, i) => {
    expect(places[output.node]![output.output]).toMatchObject({ kind: 'output', place: i })
    expect(read(output)).toBe(names.get(key(output)))
    return names.get(key(output))!
  })
}

const bytes = bytesOf

test('every value is where its readers look, and outputs are right in the end', () => {
  fc.assert(
    fc.property(graphs, fc.array(fc.nat(10)), fc.boolean(), (graph, donated, inPlace) => {
      const plan = planMemory(graph, { bytes, donated, overwrites: inPlace ? overwrites : undefined })
      simulate(plan)
      expect(plan.arenaBytes).toBeGreaterThanOrEqual(plan.liveBytes)
      for (const donor of plan.donors) if (donor !== null) expect(donated).toContain(donor)
    }),
    { numRuns: 2000 },
  )
})

test('an input is donated once', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { donors } = planMemory(graph, { bytes, donated: Array(30).keys(), overwrites })
      const taken = donors.filter((donor) => donor !== null)
      expect(new Set(taken).size).toBe(taken.length)
    }),
  )
})

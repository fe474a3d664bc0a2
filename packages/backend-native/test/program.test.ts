import { describe, expect, it } from 'vitest'
import { type Buffer, createProgram, type Instruction } from '../src/program'
import { expectEach } from './support/compare'
import { addonHere, runInstruction } from './support/program'

const addon = addonHere()
const engine = addon.createEngine()
const RELU = addon.unaryOps.indexOf('relu')
const NEG = addon.unaryOps.indexOf('neg')
const ADD = addon.binaryOps.indexOf('add')

const relu = (x: number, y: number): Instruction => ({
  operation: 'unary',
  params: [RELU],
  numbers: [0],
  operands: [x, y],
})
const neg = (x: number, y: number): Instruction => ({
  operation: 'unary',
  params: [NEG],
  numbers: [0],
  operands: [x, y],
})
const input = (place: number, bytes: number): Buffer => ({ kind: 'input', place, bytes })
const output = (place: number, bytes: number): Buffer => ({ kind: 'output', place, bytes })
const arena = (place: number, bytes: number): Buffer => ({ kind: 'arena', place, bytes })

/** relu(−relu(x)) through two places of the arena; `count` values. */
const chain = (count: number) =>
  createProgram(
    addon,
    [relu(0, 1), neg(1, 2), { operation: 'binary', params: [ADD, count, 1, 1], operands: [0, 2, 3] }],
    [input(0, 4 * count), arena(0, 4 * count), arena(64 * Math.ceil(count / 16), 4 * count), output(0, 4 * count)],
  )
/** x − relu(x) = min(x, 0) */
const want = (x: Float32Array) => x.map((value) => Math.min(value, 0))
const values = (count: number, from = -3) => Float32Array.from({ length: count }, (_, i) => from + i)

describe('a program', () => {
  it('runs its instructions in order, between inputs, arena and outputs', () => {
    const [x, y] = [values(100), new Float32Array(100)]
    addon.run(engine, chain(100), [x], [y], null)
    expect(y).toEqual(want(x))
  })

  it('tells when each instruction began and how long it took', () => {
    const times = new Float64Array(6)
    const before = Number(process.hrtime.bigint()) / 1e6
    addon.run(engine, chain(1000), [values(1000)], [new Float32Array(1000)], times)
    const after = Number(process.hrtime.bigint()) / 1e6
    const [start0, took0, start1, took1, start2, took2] = times as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const order = [before, start0, start0 + took0, start1, start1 + took1, start2, start2 + took2, after]
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it('may have no instruction at all', () => {
    expect(() => addon.run(engine, createProgram(addon, [], []), [], [], null)).not.toThrow()
  })
})

describe('submitted runs', () => {
  const submit = (count: number, x: Float32Array, y: Float32Array) => {
    let run = 0
    const done = new Promise<string | undefined>((resolve) => {
      run = addon.submit(engine, chain(count), [x], [y], null, resolve)
    })
    return { run, done }
  }

  it('are done in their order, while the event loop is free', async () => {
    const count = 1 << 18
    const x = values(count)
    const ys = Array.from({ length: 8 }, () => new Float32Array(count))
    const ended: number[] = []
    const runs = ys.map((y, i) => submit(count, x, y).done.then(() => ended.push(i)))
    await Promise.all(runs)
    expect(ended).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    for (const y of ys) expectEach(y, want(x), 'y')
  })

  it('are done before a run on the calling thread', () => {
    const count = 1 << 18
    const [first, second] = [new Float32Array(count), new Float32Array(count)]
    void submit(count, values(count), first)
    addon.run(engine, chain(count), [first], [second], null)
    expectEach(second, want(want(values(count))), 'y')
  })

  it('can be waited for, which calls `done`', () => {
    const ended: (string | undefined)[] = []
    const y = new Float32Array(100)
    const run = addon.submit(engine, chain(100), [values(100)], [y], null, (error) => ended.push(error))
    addon.wait(engine, run)
    expect(ended).toEqual([undefined])
    expect(y).toEqual(want(values(100)))
    expect(() => addon.wait(engine, run + 1)).toThrow(`got run ${run + 1}, expected 0 to ${run}`)
  })

  it('keep program and engine that nobody else has', async () => {
    const y = new Float32Array(100)
    const own = addon.createEngine()
    const program = chain(100)
    const done = new Promise((resolve) => addon.submit(own, program, [values(100)], [y], null, resolve))
    addon.disposeProgram(program)
    await done
    expect(y).toEqual(want(values(100)))
    expect(() => addon.run(own, program, [], [], null)).toThrow('the program was disposed of')
  })

  it('are done when their engine is disposed of', () => {
    const own = addon.createEngine()
    const ended: (string | undefined)[] = []
    for (let i = 0; i < 3; i++)
      addon.submit(own, chain(1 << 18), [values(1 << 18)], [new Float32Array(1 << 18)], null, (error) =>
        ended.push(error),
      )
    addon.disposeEngine(own)
    expect(ended).toEqual([undefined, undefined, undefined])
    expect(() => addon.run(own, chain(4), [], [], null)).toThrow('the engine was disposed of')
  })

  it('fail where there is no memory for the arena', async () => {
    const bytes = 2 ** 52
    const huge = createProgram(
      addon,
      [relu(0, 1), relu(2, 3)],
      [input(0, 4), output(0, 4), arena(0, bytes), arena(bytes, bytes)],
    )
    const arrays = [[values(1)], [new Float32Array(1)]] as const
    const error = await new Promise((resolve) => addon.submit(engine, huge, ...arrays, null, resolve))
    expect(error).toBe('out of memory: a program needs 9.01e+06 GB')
    expect(() => addon.run(engine, huge, ...arrays, null)).toThrow('a program needs 9.01e+06 GB')
  })
})

describe('refused is', () => {
  const made = (instructions: Instruction[], buffers: Buffer[]) => () => createProgram(addon, instructions, buffers)
  const raw = (code: number[], numbers: number[], buffers: number[]) => () =>
    addon.createProgram(Int32Array.from(code), Float32Array.from(numbers), Float64Array.from(buffers))
  const io = [input(0, 16), output(0, 16)]
  const programs: [string, () => unknown, RegExp][] = [
    [
      'an unknown operation',
      made([{ operation: 'guess', operands: [] }], io),
      /instruction 0: no operation has the number -1/,
    ],
    ['an operand beyond the buffers', made([relu(0, 2)], io), /instruction 0 \(unary\): operand 1 is buffer 2 of 2/],
    ['an operand left out that is needed', made([{ ...relu(0, 1), operands: [0, null] }], io), /x and y differ/],
    [
      'operands that do not fit',
      made([relu(0, 1)], [input(0, 12), output(0, 16)]),
      /\(unary\): x and y differ in size/,
    ],
    ['a place in the arena that is not aligned', made([], [arena(4, 16)]), /buffer 0 lies at 4/],
    ['operands that overlap', made([relu(0, 1)], [arena(0, 128), arena(64, 128)]), /operands 0 and 1 overlap/],
    ['an empty buffer', made([], [input(0, 0)]), /buffer 0 has 0 bytes/],
    ['an input without a buffer', made([], [input(1, 4), input(1, 4)]), /an input or an output has no buffer/],
    ['an input of two lengths', made([], [input(0, 4), input(0, 8)]), /buffer 1: the array has another length/],
    ['code that is cut short', raw([0, 1, 1], [], []), /instruction 0 is cut short/],
    ['operands that are cut short', raw([0, 1, 0, 2, 0, 0], [], []), /instruction 0 is cut short/],
    ['a negative count', raw([0, -1, 0, 0], [], []), /instruction 0: a count is negative/],
    ['a number too many', raw([], [1], []), /got 1 numbers, the instructions have 0/],
    ['half a buffer', raw([], [], [0, 0]), /got 2 numbers for buffers/],
    ['a buffer of no kind', raw([], [], [3, 0, 4]), /buffer 0 is of kind 3/],
    ['a buffer at NaN', raw([], [], [0, Number.NaN, 4]), /buffer 0 lies at nan/i],
    ['a buffer of part of a byte', raw([], [], [0, 0, 4.5]), /buffer 0 has 4.5 bytes/],
  ]
  it.each(programs)('a program with %s', (_, create, message) => {
    expect(create).toThrow(message)
  })

  const detached = () => {
    const x = values(4)
    structuredClone(x, { transfer: [x.buffer] })
    return x
  }
  const program = createProgram(addon, [relu(0, 1)], io)
  const run =
    (inputs: unknown, outputs: unknown, times: unknown = null) =>
    () =>
      addon.run(engine, program, inputs as Float32Array[], outputs as Float32Array[], times as null)
  const runs: [string, () => unknown, RegExp][] = [
    ['too few arrays', run([], [values(4)]), /got 0 inputs and 1 outputs, expected 1 and 1/],
    ['no list', run(undefined, [values(4)]), /argument 2 is not an array/],
    ['a list with a hole', run([undefined], [values(4)]), /not a typed array/],
    ['an array of another length', run([values(4)], [values(5)]), /has 20 bytes, expected 16/],
    ['an array that was detached', run([detached()], [values(4)]), /has 0 bytes, expected 16/],
    ['an array that begins between floats', run([new Uint8Array(20).subarray(2, 18)], [values(4)]), /multiple of 4/],
    ['room for other times', run([values(4)], [values(4)], new Float64Array(1)), /has 1 elements, expected 2/],
    ['an engine for a program', () => addon.run(engine, engine as never, [], [], null), /argument 1 is not a program/],
    ['a program for an engine', () => addon.wait(program as never, 0), /argument 0 is not an engine/],
    ['a plain object for an engine', () => addon.wait({} as never, 0), /argument 0 is not an engine/],
    [
      'a run that nobody hears of',
      () => addon.submit(engine, program, [values(4)], [values(4)], null, undefined as never),
      /argument 5 is not a function/,
    ],
  ]
  it.each(runs)('a run with %s', (_, call, message) => {
    expect(call).toThrow(message)
  })

  it('a list whose elements dispose of the program', () => {
    const own = createProgram(addon, [relu(0, 1)], io)
    const list = Object.defineProperty([], 0, {
      get: () => {
        addon.disposeProgram(own)
        return values(4)
      },
    })
    expect(() => addon.run(engine, own, list, [values(4)], null)).toThrow('the program was disposed of')
  })
})

describe('runInstruction', () => {
  it('runs one operation', () => {
    const y = new Float32Array(3)
    runInstruction('binary', [ADD, 3, 1, 0], [], [values(3, 0), values(1, 5)], [y])
    expect([...y]).toEqual([5, 6, 7])
  })
})

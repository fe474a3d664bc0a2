// Programs right, broken and absurd, for the addon that ADDON names: node fuzz.mjs SEED FIRST COUNT. Each program gives an
// exception or a result; that the process lives is the test. Prints one line of JSON: how many
// were refused, made, run, and so on, and which operations have no example.

import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { examples } from './examples.mjs'
import { encode, mutate, randomProgram } from './program.mjs'
import { randomOf } from './random.mjs'

const addon = createRequire(import.meta.url)(process.env.ADDON)
const [seed, first, count] = process.argv.slice(2).map(Number)
const operations = addon.operations()
const { isas } = addon.info()
const LARGEST_ARENA = 2 ** 24 // bytes that are really there; absurd sizes find no memory
const ABSURD = 2 ** 46

const withoutExample = operations.filter((name) => !(name in examples))
const results = { refused: 0, made: 0, run: 0, failed: 0, submitted: 0 }
let engine = addon.createEngine()
const old = [{}, engine, Symbol('no engine'), undefined] // what is no program

const bytesOf = (random, bytes) => {
  const memory = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i += random.int(1, 9)) memory[i] = random.int(0, 255)
  return memory
}

/** An array of that many bytes, or something else. */
function array(random, bytes) {
  if (random.chance(0.01))
    return random.pick([undefined, null, {}, 'x', new DataView(new ArrayBuffer(8)), new Float64Array(3)])
  const size = random.chance(0.01) ? Math.max(0, bytes + random.int(-4, 4)) : bytes
  if (size % 4) return bytesOf(random, size)
  const memory = random.chance(0.05)
    ? bytesOf(random, size + 8)
        .subarray(random.int(0, 8))
        .subarray(0, size)
    : bytesOf(random, size)
  if (random.chance(0.01)) structuredClone(memory, { transfer: [memory.buffer] })
  return memory.byteOffset % 4 === 0 && memory.buffer.byteLength > 0 && random.chance(0.7)
    ? new Float32Array(memory.buffer, memory.byteOffset, size / 4)
    : memory
}

function arrays(random, buffers, kind) {
  const list = []
  for (const buffer of buffers)
    if (buffer.kind === kind && Number.isInteger(buffer.place) && buffer.place >= 0 && buffer.place < 64)
      list[buffer.place] = array(random, Math.min(Math.max(0, buffer.bytes) || 0, LARGEST_ARENA))
  if (random.chance(0.01)) list.push(new Float32Array(4))
  if (random.chance(0.01)) list.pop()
  return list
}

function attempt(run) {
  try {
    run()
    return true
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('backend native, ')) throw error
    return false
  }
}

async function one(random) {
  const program = randomProgram(random, operations)
  const mutations = random.pick([0, 1, 1, 1, 2, 5])
  for (let i = 0; i < mutations; i++) mutate(random, program)
  let handle
  if (
    !attempt(() => {
      handle = addon.createProgram(...encode(random, program, mutations > 0))
    })
  ) {
    if (mutations === 0) throw new Error(`an example was refused: ${JSON.stringify(program)}`)
    results.refused++
    return
  }
  results.made++
  addon.setIsa(random.int(0, isas.length - 1))
  addon.setThreads(random.int(1, 3))
  const arena = program.buffers.reduce(
    (most, { kind, place, bytes }) => (kind === 'arena' ? Math.max(most, place + bytes) : most),
    0,
  )
  if (arena > LARGEST_ARENA && arena < ABSURD) return
  if (random.chance(0.02)) addon.disposeProgram(handle)
  const [inputs, outputs] = ['input', 'output'].map((kind) => arrays(random, program.buffers, kind))
  const times = random.chance(0.1)
    ? new Float64Array(2 * program.instructions.length + (random.chance(0.1) ? 1 : 0))
    : null
  const target = random.chance(0.02) ? random.pick(old) : handle
  if (random.chance(0.3)) {
    let end
    const ended = new Promise((resolve) => {
      end = resolve
    })
    const accepted = attempt(() => addon.submit(engine, target, inputs, outputs, times, end))
    if (accepted) results.submitted++
    else results.failed++
    if (accepted && random.chance(0.1)) attempt(() => addon.disposeProgram(handle))
    inputs.length = 0 // the addon keeps what it needs
    if (random.chance(0.2)) attempt(() => addon.wait(engine, random.int(-1, 2000)))
    if (accepted && random.chance(0.2)) await ended
  } else if (attempt(() => addon.run(engine, target, inputs, outputs, times))) results.run++
  else results.failed++
  if (random.chance(0.001)) {
    addon.disposeEngine(engine)
    old.push(engine)
    engine = addon.createEngine()
  }
  if (random.chance(0.02)) old.push(handle)
  if (old.length > 50) old.splice(0, 25)
}

process.on('uncaughtException', (error) => {
  writeSync(2, `${error.stack}\n`)
  process.exit(1)
})
for (let i = first; i < first + count; i++) {
  if (process.env.FUZZ_TRACE) writeSync(2, `program ${i}\n`)
  await one(randomOf(seed * 1_000_003 + i))
  if (i % 1000 === 0) globalThis.gc?.()
}
addon.disposeEngine(engine)
console.log(JSON.stringify({ ...results, withoutExample }))

// Finds and loads the compiled kernels: this clone's own build, else the package for this platform.
import { createRequire } from 'node:module'

type Shape = Int32Array

declare const engine: unique symbol
declare const program: unique symbol
/** Runs programs, one after the other; has the arena. */
export interface EngineHandle {
  readonly [engine]: never
}
/** A program that was checked: runs of it fail for want of memory only. */
export interface ProgramHandle {
  readonly [program]: never
}
type TypedArray = Float32Array | Int32Array | Uint8Array

/** What native/addon/ exports. Lengths are checked there against the buffers; every tensor is dense. */
export interface Addon {
  unary(operation: number, x: Float32Array, alpha: number, y: Float32Array): void
  binary(operation: number, shape: Shape, a: Float32Array, b: Float32Array, y: Float32Array): void
  compare(operation: number, shape: Shape, a: Float32Array, b: Float32Array, y: Uint8Array): void
  select(condition: Uint8Array, a: Float32Array, b: Float32Array, y: Float32Array): void
  fill(value: number, y: Float32Array): void
  cast(x: Uint8Array | Int32Array, y: Float32Array): void
  addN(x: Float32Array[], y: Float32Array): void
  reduce(operation: number, outer: number, reduced: number, inner: number, x: Float32Array, y: Float32Array): void
  copy(shape: Shape, x: Float32Array, xOffset: number, y: Float32Array, yOffset: number): void
  matMul(shape: Shape, a: Float32Array, b: Float32Array, y: Float32Array): void
  rmsprop(
    inputs: Float32Array[],
    outputs: Float32Array[],
    learningRate: number,
    decay: number,
    momentum: number,
    epsilon: number,
  ): void
  conv2d(
    shape: Shape,
    x: Float32Array,
    filter: Float32Array,
    bias: Float32Array | null,
    activation: number,
    alpha: number,
    y: Float32Array,
  ): void
  conv2dBackpropInput(shape: Shape, dy: Float32Array, filter: Float32Array, dx: Float32Array): void
  conv2dBackpropFilter(shape: Shape, x: Float32Array, dy: Float32Array, dfilter: Float32Array): void
  maxPool(shape: Shape, x: Float32Array, y: Float32Array): void
  maxPoolGrad(shape: Shape, x: Float32Array, y: Float32Array, dy: Float32Array, dx: Float32Array): void
  resizeNearest(shape: Shape, x: Float32Array, y: Float32Array): void
  resizeNearestGrad(shape: Shape, dy: Float32Array, dx: Float32Array): void
  multiplyAdds(steps: number): number
  streamCopy(x: Float32Array, y: Float32Array): void

  /** Names of the operations; an operation's number is its place. */
  operations(): string[]
  /** What is in the arrays: ProgramSource of native/program/program.h. */
  createProgram(code: Int32Array, numbers: Float32Array, buffers: Float64Array): ProgramHandle
  /** Its queued runs are done all the same. */
  disposeProgram(program: ProgramHandle): void
  createEngine(): EngineHandle
  /** Waits for its runs. */
  disposeEngine(engine: EngineHandle): void
  /**
   * Runs a program on the calling thread, after all that was submitted.
   * `times`, where it is given, gets two numbers an instruction: its start on the clock of process.hrtime and how long
   * it took, in milliseconds.
   */
  run(
    engine: EngineHandle,
    program: ProgramHandle,
    inputs: readonly TypedArray[],
    outputs: readonly TypedArray[],
    times: Float64Array | null,
  ): void
  /**
   * Queues a run for the engine's thread and returns its number. `done` is called on JavaScript's thread once it has
   * ended; until then no array may be detached or resized.
   */
  submit(
    engine: EngineHandle,
    program: ProgramHandle,
    inputs: readonly TypedArray[],
    outputs: readonly TypedArray[],
    times: Float64Array | null,
    done: (error?: string) => void,
  ): number
  /** Blocks until a submitted run has ended and `done` has been called for it and all before it. */
  wait(engine: EngineHandle, run: number): void

  info(): { isa: string; isas: string[]; threads: number; features: string }
  setIsa(index: number): void
  setThreads(count: number): void
  padding(buffer: ArrayBuffer): number
  release(buffer: ArrayBuffer): void

  unaryOps: string[]
  binaryOps: string[]
  compareOps: string[]
  integerOps: string[]
  logicalOps: string[]
  reduceOps: string[]
  activations: string[]
}

const platform = `${process.platform}-${process.arch}`

type Loaded = { addon: Addon; reason?: undefined } | { addon?: undefined; reason: string }

/** The addon, or why there is none, in one line. */
export function loadAddon(): Loaded {
  const require = createRequire(import.meta.url)
  const published = `@unet-industrial/backend-native-${platform}`
  const reasons: string[] = []
  for (const path of ['../build/backend-native.node', published])
    try {
      return chooseIsa(require(path))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'MODULE_NOT_FOUND') reasons.push(`${path} does not load: ${message.split('\n')[0]}`)
    }
  reasons.push(
    `expected ${published}; install it (npm does so unless optional dependencies are off) or use backend cpu`,
  )
  return { reason: `no native kernels for ${platform}: ${reasons.join('; ')}` }
}

/** The best instruction set is in use already, unless the environment asks for another. */
function chooseIsa(addon: Addon): Loaded {
  const asked = process.env.UNET_NATIVE_ISA
  if (!asked) return { addon }
  const { isas } = addon.info()
  if (!isas.includes(asked))
    return { reason: `UNET_NATIVE_ISA: got ${asked}, expected one of ${isas.join(', ')} on this machine` }
  addon.setIsa(isas.indexOf(asked))
  return { addon }
}

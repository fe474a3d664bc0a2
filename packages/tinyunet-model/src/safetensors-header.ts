/** One tensor as the header describes it. */
export interface Entry {
  dtype: string
  shape: number[]
  /** First byte and the one behind the last, from the header's end. */
  data_offsets: [begin: number, end: number]
}

export interface Header {
  entries: Map<string, Entry>
  metadata: Record<string, string>
  /** Where the tensors begin in the file. */
  dataStart: number
}

/** The reference implementation's limit. */
const MAX_HEADER_BYTES = 100_000_000

class SafetensorsError extends Error {
  constructor(problem: string) {
    super(`not a valid safetensors file: ${problem}`)
  }
}

/**
 * Reads and checks a file's header.
 *
 * @param width bytes an element of a dtype takes, undefined where the dtype is unknown
 */
export function readHeader(bytes: Uint8Array, width: (dtype: string) => number | undefined): Header {
  const { text, dataStart } = headerText(bytes)
  const entries = new Map<string, Entry>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(parse(text))) {
    if (name === '__metadata__') metadata = checkMetadata(value)
    else entries.set(name, checkEntry(name, value, width))
  }
  checkCoverage(entries, bytes.length - dataStart)
  return { entries, metadata, dataStart }
}

function headerText(bytes: Uint8Array): { text: string; dataStart: number } {
  if (bytes.length < 8) throw new SafetensorsError(`got ${bytes.length} bytes, expected at least 8`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES)
    throw new SafetensorsError(`the header claims ${length} bytes, expected at most ${MAX_HEADER_BYTES}`)
  const dataStart = 8 + Number(length)
  if (dataStart > bytes.length)
    throw new SafetensorsError(
      `the header claims ${length} bytes, but only ${bytes.length - 8} follow; it is truncated`,
    )
  try {
    return {
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataStart)),
      dataStart,
    }
  } catch {
    throw new SafetensorsError('the header is not UTF-8')
  }
}

function parse(text: string): object {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (error) {
    throw new SafetensorsError(`the header is not JSON (${(error as Error).message})`)
  }
  if (!text.startsWith('{') || !isObject(header)) throw new SafetensorsError('the header is not a JSON object')
  const duplicate = duplicateKey(text)
  if (duplicate !== undefined) throw new SafetensorsError(`the header has the key ${JSON.stringify(duplicate)} twice`)
  return header
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** The first key that valid JSON has twice in one object. JSON.parse takes the last one and says nothing. */
function duplicateKey(json: string): string | undefined {
  const keys: Set<string>[] = []
  for (const [, open, close, string, colon] of json.matchAll(/(\{)|(\})|("(?:[^"\\]|\\.)*")\s*(:)?/g)) {
    if (open) keys.push(new Set())
    else if (close) keys.pop()
    else if (colon) {
      const key: string = JSON.parse(string!)
      const seen = keys.at(-1)!
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return undefined
}

function checkMetadata(value: unknown): Record<string, string> {
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== 'string'))
    throw new SafetensorsError('__metadata__ is not an object of strings')
  return value as Record<string, string>
}

function checkEntry(name: string, value: unknown, width: (dtype: string) => number | undefined): Entry {
  const fail = (problem: string): never => {
    throw new SafetensorsError(`tensor ${name}: ${problem}`)
  }
  if (!isObject(value)) return fail(`got ${JSON.stringify(value)}, expected an object`)
  const { dtype, shape, data_offsets: offsets } = value
  const bytes = typeof dtype === 'string' ? width(dtype) : undefined
  if (bytes === undefined) return fail(`unknown dtype ${JSON.stringify(dtype)}`)
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail(`shape is ${JSON.stringify(shape)}`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    return fail(`data_offsets is ${JSON.stringify(offsets)}`)
  const [begin, end] = offsets as [number, number]
  const needed = shape.reduce((product: number, side) => product * side, bytes)
  if (end - begin !== needed)
    return fail(`has ${end - begin} bytes, expected ${needed} for shape [${shape}] of ${dtype}`)
  return { dtype: dtype as string, shape, data_offsets: [begin, end] }
}

/** The tensors must cover the data without overlap, without holes and to the last byte. */
function checkCoverage(entries: Map<string, Entry>, dataLength: number): void {
  let covered = 0
  const inOrder = [...entries].sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1])
  for (const [name, { data_offsets: offsets }] of inOrder) {
    const [begin, end] = offsets
    if (begin !== covered)
      throw new SafetensorsError(
        `tensor ${name} begins at byte ${begin} of the data, expected ${covered}; tensors overlap or leave a hole`,
      )
    if (end > dataLength)
      throw new SafetensorsError(
        `tensor ${name} ends at byte ${end} of the data, which has ${dataLength}; it is truncated`,
      )
    covered = end
  }
  if (covered !== dataLength)
    throw new SafetensorsError(`${dataLength} bytes of data, expected ${covered}; bytes after the last tensor`)
}

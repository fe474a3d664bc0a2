import { type Entry, readHeader } from './safetensors-header'

/** Element types by the name that tfjs, or else NumPy, has for them, with the name and the array type in a file. */
const DTYPES = {
  float64: { code: 'F64', array: Float64Array },
  float32: { code: 'F32', array: Float32Array },
  /** IEEE half precision, as its 16 bits. */
  float16: { code: 'F16', array: Uint16Array },
  /** The upper half of a float32, as its 16 bits. */
  bfloat16: { code: 'BF16', array: Uint16Array },
  int64: { code: 'I64', array: BigInt64Array },
  int32: { code: 'I32', array: Int32Array },
  int16: { code: 'I16', array: Int16Array },
  int8: { code: 'I8', array: Int8Array },
  uint64: { code: 'U64', array: BigUint64Array },
  uint32: { code: 'U32', array: Uint32Array },
  uint16: { code: 'U16', array: Uint16Array },
  uint8: { code: 'U8', array: Uint8Array },
  bool: { code: 'BOOL', array: Uint8Array },
} as const

export type SafetensorsDtype = keyof typeof DTYPES

/** One tensor: `data` is a typed array that fits `dtype`, row-major. */
export interface SafetensorsTensor<Dtype extends SafetensorsDtype = SafetensorsDtype> {
  dtype: Dtype
  shape: number[]
  data: InstanceType<(typeof DTYPES)[Dtype]['array']>
}

/** The content of a safetensors file. */
export interface SafetensorsFile {
  tensors: Record<string, SafetensorsTensor>
  /** Free text by key, the header's `__metadata__`. */
  metadata: Record<string, string>
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/**
 * The bytes of a safetensors file (https://github.com/huggingface/safetensors, "Format"): an 8-byte little-endian
 * length, a JSON header of that length, the tensors.
 *
 * @param tensors by name. `data` may be any list of numbers for a tensor whose dtype has at most 32 bits
 * @throws where a tensor's data does not have as many values as its shape says
 */
export function encodeSafetensors(
  tensors: Record<string, { dtype: string; shape: readonly number[]; data: ArrayLike<number> | ArrayLike<bigint> }>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(tensors)
    .map(([name, tensor]) => ({
      name,
      code: dtypeOf(name, tensor.dtype).code,
      shape: tensor.shape,
      bytes: toBytes(name, tensor),
    }))
    // Wider elements first, so that every tensor is aligned to its own size.
    .sort((a, b) => width(b.code) - width(a.code))
  let covered = 0
  const entries = parts.map(({ name, code, shape, bytes }): [string, Entry] => {
    const begin = covered
    covered += bytes.length
    return [name, { dtype: code, shape: [...shape], data_offsets: [begin, covered] }]
  })
  const hasMetadata = Object.keys(metadata).length > 0
  const json = JSON.stringify(Object.fromEntries([...(hasMetadata ? [['__metadata__', metadata]] : []), ...entries]))
  const text = new TextEncoder().encode(json)
  const headerLength = Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(8 + headerLength + covered)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true)
  file.fill(0x20, 8, 8 + headerLength)
  file.set(text, 8)
  let offset = 8 + headerLength
  for (const { bytes } of parts) {
    file.set(bytes, offset)
    offset += bytes.length
  }
  return file
}

/**
 * Reads the bytes of a safetensors file; every length, offset, shape and name is checked before it is used.
 *
 * @throws with what is wrong where the bytes are no whole and valid safetensors file
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { entries, metadata, dataStart } = readHeader(bytes, width)
  const tensors = [...entries].map(
    ([
      name,
      {
        dtype: code,
        shape,
        data_offsets: [begin, end],
      },
    ]) => {
      const [dtype, { array }] = (
        Object.entries(DTYPES) as [SafetensorsDtype, (typeof DTYPES)[SafetensorsDtype]][]
      ).find(([, known]) => known.code === code)!
      // A copy, aligned; `slice` would be none for a Buffer of Node.
      const data = new array(new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end)).buffer)
      return [name, { dtype, shape, data }] as const
    },
  )
  return { tensors: Object.fromEntries(tensors), metadata }
}

/** The values as float32, from any dtype but the 64-bit integers. */
export function toFloat32(name: string, { dtype, data }: SafetensorsTensor): Float32Array<ArrayBuffer> {
  if (dtype === 'float16') return Float32Array.from(data as Uint16Array, halfToNumber)
  if (dtype === 'bfloat16') return new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits << 16).buffer)
  if (dtype === 'int64' || dtype === 'uint64') throw new Error(`tensor ${name}: ${dtype} has no float32 form`)
  return new Float32Array(data as Float32Array)
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff]
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Bytes an element of a file's dtype takes; undefined where it is none that we read. */
function width(code: string): number
function width(code: string): number | undefined {
  return Object.values(DTYPES).find((known) => known.code === code)?.array.BYTES_PER_ELEMENT
}

function dtypeOf(name: string, dtype: string) {
  if (!Object.hasOwn(DTYPES, dtype))
    throw new Error(`tensor ${name}: got dtype ${dtype}, expected one of ${Object.keys(DTYPES).join(', ')}`)
  return DTYPES[dtype as SafetensorsDtype]
}

function toBytes(
  name: string,
  { dtype, shape, data }: { dtype: string; shape: readonly number[]; data: ArrayLike<number> | ArrayLike<bigint> },
): Uint8Array {
  const { array } = dtypeOf(name, dtype)
  if (data.length !== size(shape))
    throw new Error(`tensor ${name}: got ${data.length} values, expected ${size(shape)} for shape [${shape}]`)
  const typed = data instanceof array ? data : (array as { from(values: typeof data): ArrayBufferView }).from(data)
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength)
}

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { crc32c, frame } from '../../src/report/record'
import { EventWriter } from '../../src/report/tensorboard'

const room = mkdtempSync(join(tmpdir(), 'unet-events-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))
const png = encode({ width: 3, height: 2, channels: 1, data: Uint8Array.from([0, 50, 100, 150, 200, 250]) })

test("crc32c gives the values of RFC 3720's appendix and of the usual check", () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
})

test('a record is length, masked CRC, data, masked CRC', () => {
  // By TensorBoard's masked_crc32c, for b'abc'.
  expect(Buffer.from(frame(Buffer.from('abc'))).toString('hex')).toBe('0300000000000000b099490e6162636e57f121')
})

describe('a run that was resumed', () => {
  const directory = join(room, 'run')
  beforeAll(() => {
    const first = new EventWriter(directory)
    for (let step = 1; step <= 5; step++) first.scalar('train/loss', step / 2, step)
    first.image('sample/image', png, 3, 2, 3)
    first.close()
    const second = new EventWriter(directory, 4)
    second.scalar('train/loss', 100, 4)
    second.close()
  })

  test('has a new file, named as TensorBoard expects, read after the first, without the name of the host', () => {
    const names = readdirSync(directory).sort()
    expect(names).toHaveLength(2)
    for (const name of names) expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\.unet-industrial\.\d$/)
    expect(fields(records(join(directory, names[1]!))[2]!).get(2)).toEqual([4n])
  })

  test('decodes, byte by byte, to what was written', () => {
    const events = records(join(directory, readdirSync(directory).sort()[0]!)).map(fields)
    expect(bytes(events[0]!, 3).toString()).toBe('brain.Event:2')
    const values = events.slice(1).map((event) => ({ step: event.get(2)![0], ...value(event) }))
    expect(values.slice(0, 5)).toEqual(
      [1, 2, 3, 4, 5].map((step) => ({ step: BigInt(step), tag: 'train/loss', scalar: step / 2 })),
    )
    expect(values[5]).toEqual({
      step: 3n,
      tag: 'sample/image',
      image: { height: 2n, width: 3n, channels: 1n, png: Buffer.from(png) },
    })
    const time = (events[1]!.get(1)![0] as Buffer).readDoubleLE()
    expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60)
  })

  const python = pythonWithTensorBoard()
  test.skipIf(!python)(
    `is read by TensorBoard itself${python ? '' : ' (skipped: no python3 with tensorboard; pip install tensorboard, or set TENSORBOARD_PYTHON)'}`,
    () => {
      const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
image = events.Images('sample/image')[0]
print(json.dumps([[[e.step, e.value] for e in events.Scalars('train/loss')], image.step, image.width, image.height, image.encoded_image_string.hex()]))`
      const out = execFileSync(python!, ['-c', script, directory], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      // Steps 4 and 5 of the first file are dropped, because the run resumed at 4.
      const loss = [
        [1, 0.5],
        [2, 1],
        [3, 1.5],
        [4, 100],
      ]
      expect(JSON.parse(out)).toEqual([loss, 3, 3, 2, Buffer.from(png).toString('hex')])
    },
  )
})

test('long runs do not stay in memory: records reach the disk by the megabyte', () => {
  const writer = new EventWriter(join(room, 'long'))
  for (let step = 0; step < 30_000; step++) writer.scalar('train/loss', 1, step)
  expect(readFileSync(writer.path).length).toBeGreaterThan(1 << 20)
  writer.close()
  expect(records(writer.path)).toHaveLength(30_001)
})

function pythonWithTensorBoard(): string | undefined {
  return [process.env.TENSORBOARD_PYTHON ?? 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import tensorboard.backend.event_processing.event_accumulator']).status === 0,
  )
}

// An independent reader: nothing of the writer's protobuf definitions or framing code is used below.

function records(path: string): Buffer[] {
  const file = readFileSync(path)
  const found: Buffer[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at))
    found.push(file.subarray(at + 12, at + 12 + length))
    at += length + 16
  }
  return found
}

type Fields = Map<number, (bigint | Buffer)[]>

/** The fields of a protobuf message by number; fixed32, fixed64 and length-delimited ones as bytes. */
function fields(message: Buffer): Fields {
  let at = 0
  const varint = () => {
    let result = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!
      result |= BigInt(byte & 127) << shift
      if (byte < 128) return result
    }
  }
  const take = (size: number) => {
    at += size
    return message.subarray(at - size, at)
  }
  const found: Fields = new Map()
  while (at < message.length) {
    const key = Number(varint())
    const read = { 0: varint, 1: () => take(8), 2: () => take(Number(varint())), 5: () => take(4) }[key & 7]!
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), read()])
  }
  return found
}

const bytes = (of: Fields, field: number) => of.get(field)![0] as Buffer

function value(event: Fields) {
  const inner = fields(bytes(fields(bytes(event, 5)), 1))
  const tag = bytes(inner, 1).toString()
  if (inner.has(2)) return { tag, scalar: bytes(inner, 2).readFloatLE() }
  const image = fields(bytes(inner, 4))
  const [height, width, channels] = [1, 2, 3].map((field) => image.get(field)![0])
  return { tag, image: { height, width, channels, png: bytes(image, 4) } }
}

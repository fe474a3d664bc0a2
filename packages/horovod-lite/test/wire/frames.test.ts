import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameReader, frameParts } from '../../src/wire/frames'

const payloads = fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 40 })), { maxLength: 8 })

test('frames come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(payloads, fc.integer({ min: 1, max: 60 }), (sent, piece) => {
      const stream = Buffer.concat(sent.flatMap(([kind, payload]) => frameParts(kind, payload)))
      const reader = new FrameReader()
      const received: [number, Uint8Array][] = []
      for (let at = 0; at < stream.length; at += piece) {
        reader.push(stream.subarray(at, at + piece))
        for (let frame = reader.take(100); frame; frame = reader.take(100))
          received.push([frame.kind, new Uint8Array(frame.payload)])
      }
      expect(received).toEqual(sent)
      expect(reader.takeAll()).toEqual([])
    }),
  )
})

test('a long frame in small pieces is put together once', () => {
  const payload = Buffer.alloc(16 * 2 ** 20, 7)
  const reader = new FrameReader()
  const start = performance.now()
  for (const part of frameParts(3, payload))
    for (let at = 0; at < part.length; at += 4096) {
      expect(reader.take(2 ** 30)).toBeUndefined()
      reader.push(part.subarray(at, at + 4096))
    }
  expect(reader.take(2 ** 30)?.payload.equals(payload)).toBe(true)
  expect(performance.now() - start).toBeLessThan(5000) // 4096 times the whole would take minutes
})

test('a frame that is too long is an error as soon as its head has come', () => {
  const reader = new FrameReader()
  reader.push(Buffer.from([0xff, 0xff, 0xff, 0x7f, 1]))
  expect(() => reader.take(1024)).toThrow('got a frame of 2147483647 bytes, expected at most 1024')
})

test('what follows the frames is kept', () => {
  const reader = new FrameReader()
  reader.push(Buffer.concat([...frameParts(1, Buffer.from('ab')), Buffer.from('xyz')]))
  expect(reader.take(10)?.payload.toString()).toBe('ab')
  expect(Buffer.concat(reader.takeAll()).toString()).toBe('xyz')
})

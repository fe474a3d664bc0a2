import { convertIndexedToRgb, type DecodedPng, decode, encode } from 'fast-png'
import type { Raster } from '../types'

/** Larger pictures are refused before memory is taken for them. */
const maximumPixels = 2 ** 26

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error)).replace(/[:\s]+$/, '')

/**
 * The size that a PNG's header states.
 *
 * @param bytes at least the file's first 24 bytes
 * @param name what an error calls it
 */
export function pngSize(bytes: Uint8Array, name: string): { width: number; height: number } {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  if (signature.some((byte, i) => bytes[i] !== byte)) {
    const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw new Error(`${name}: not a PNG (${bytes.length ? `it begins with ${start}` : 'it is empty'}); expected a PNG`)
  }
  if (bytes.length < 24) throw new Error(`${name}: truncated PNG of ${bytes.length} bytes; get the file again`)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  if (!(width * height >= 1 && width * height <= maximumPixels))
    throw new Error(`${name}: got ${width}x${height} pixels, expected 1 to ${maximumPixels} of them`)
  return { width, height }
}

/** A PNG as 8-bit grey, and what it was when it was something else. */
export function decodeGrey(bytes: Uint8Array, name: string): { raster: Raster; converted: string | null } {
  pngSize(bytes, name)
  let png: DecodedPng
  try {
    png = decode(bytes, { checkCrc: true })
  } catch (error) {
    throw new Error(`${name}: truncated or damaged PNG (${reason(error)}); get the file again`)
  }
  const { width, height } = png
  if (png.palette) {
    const channels = png.palette[0]!.length
    const raster = { width, height, data: luma(convertIndexedToRgb(png), channels) }
    return { raster, converted: 'palette colours' }
  }
  const values = eightBits(png)
  const converted = [
    ...(png.depth === 8 ? [] : [`${png.depth}-bit`]),
    ...(png.channels === 1 ? [] : [png.channels === 2 ? 'grey with alpha' : png.channels === 3 ? 'RGB' : 'RGBA']),
  ]
  const data = png.channels === 1 ? values : luma(values, png.channels)
  return { raster: { width, height, data }, converted: converted.join(' ') || null }
}

/**
 * Decodes a PNG to 8-bit grey: colours by luma (Rec. 601, 0.299 R + 0.587 G + 0.114 B), alpha dropped, 16 bits and 1, 2
 * and 4 bits scaled to 0..255.
 *
 * @param name what an error calls the picture
 * @throws where the bytes are no PNG, or a truncated or damaged one
 */
export const decodePng = (bytes: Uint8Array, name = 'image'): Raster => decodeGrey(bytes, name).raster

/** Encodes a raster as an 8-bit grey PNG. */
export const encodePng = ({ width, height, data }: Raster): Uint8Array =>
  encode({ width, height, data, depth: 8, channels: 1 })

/** Grey of 2 (grey, alpha), 3 (RGB) or 4 (RGBA) interleaved 8-bit channels. */
function luma(data: ArrayLike<number>, channels: number): Uint8Array {
  const grey = new Uint8Array(data.length / channels)
  for (let i = 0, at = 0; i < grey.length; i++, at += channels)
    grey[i] = channels === 2 ? data[at]! : (299 * data[at]! + 587 * data[at + 1]! + 114 * data[at + 2]! + 500) / 1000
  return grey
}

/** Every value in 0..255, whatever its depth. */
function eightBits(png: DecodedPng): Uint8Array {
  const { depth, data } = png
  if (depth < 8) return unpack(png)
  if (data instanceof Uint8Array) return data
  const scaled = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) scaled[i] = depth === 16 ? data[i]! / 257 + 0.5 : data[i]!
  return scaled
}

/** 1, 2 or 4 bits a pixel, rows padded to whole bytes, as one byte a pixel. */
function unpack({ width, height, depth, data }: DecodedPng): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8)
  const most = 2 ** depth - 1
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth
    const byte = data[Math.floor(i / width) * rowBytes + (bit >> 3)]!
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most
  })
}

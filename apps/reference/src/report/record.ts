// TensorFlow's record format (tensorflow/core/lib/io/record_writer.h), little-endian:
//   uint64 length · uint32 masked CRC-32C of the length · data · uint32 masked CRC-32C of the data

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli) of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!
  return (crc ^ 0xffffffff) >>> 0
}

/** A CRC rotated and shifted, so that the CRC of data that holds CRCs stays strong. */
const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0

/** One record around some data. */
export function frame(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(data.length + 16)
  record.writeBigUInt64LE(BigInt(data.length), 0)
  record.writeUInt32LE(masked(crc32c(record.subarray(0, 8))), 8)
  record.set(data, 12)
  record.writeUInt32LE(masked(crc32c(data)), 12 + data.length)
  return record
}

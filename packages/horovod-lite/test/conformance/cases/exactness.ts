import type { Cases, World } from '../case'
import { manyRanks } from '../case'
import { digest, expectEqual, expectSame, range, roughFloats } from '../tools'

const COUNTS = [1, 2, 3, 17, 1000, 16_383, 16_384, 100_003]

function summed({ hvd, tf }: World, values: Float32Array): Float32Array {
  const result = hvd.allreduce(tf.tensor1d(values), { op: 'Sum' })
  return result.dataSync() as Float32Array
}

export const exactness: Cases = {
  'exactness: a sum over two ranks is equal to the sum in one process, to the bit': {
    run(world) {
      for (const count of COUNTS) {
        const [a, b] = [0, 1].map((rank) => roughFloats(count + rank, count)) as [Float32Array, Float32Array]
        const result = world.tf.tensor1d(summed(world, [a, b][world.rank]!))
        expectEqual(
          result,
          a.map((value, i) => value + b[i]!),
          [count],
          'float32',
        )
      }
    },
    except: ({ size }) => (size === 2 ? undefined : 'is about two ranks'),
  },

  /** Their digests are compared between runs and transports. */
  'exactness: rounded sums are equal to the bit on every rank and every time': (world) => {
    const { hvd, rank } = world
    const digests = COUNTS.map((count) => {
      const values = roughFloats(1000 * rank + count, count)
      const results = range(3).map(() => digest(summed(world, values)))
      expectSame(new Set(hvd.allgatherObject(results).flat()).size, 1)
      return results[0]
    })
    return digests
  },

  'exactness: what else is under way does not change a bit': manyRanks(async (world) => {
    const { hvd, tf, rank } = world
    const values = (i: number) => roughFloats(100 * rank + i, 40 + 60 * i)
    const alone = range(12).map((i) => digest(summed(world, values(i))))
    for (let round = 0; round < 4; round++) {
      const together = range(12).map(async (i) => {
        const [first, second] = [i, (i + round + rank) % 12] // another order on each rank, and each time
        const place = round % 2 ? second : first
        const result = await hvd.allreduceAsync(tf.tensor1d(values(place)), { name: `under way ${place}`, op: 'Sum' })
        expectSame([place, digest(result.dataSync())], [place, alone[place]])
      })
      await Promise.all(together)
    }
    return alone
  }),

  'exactness: rounded averages, products and half-precision sums too': (world) => {
    const { hvd, tf, rank } = world
    const x = tf.tensor1d(roughFloats(rank, 5000))
    const unit = tf.add(1, tf.mul(x, 1e-9))
    const results = [
      hvd.allreduce(x),
      hvd.allreduce(unit, { op: 'Product' }),
      hvd.allreduce(unit, { op: 'Sum', compression: 'fp16' }),
      hvd.allreduce(unit, { op: 'Sum', compression: 'bf16' }),
    ]
    const digests = results.map((result) => digest(result.dataSync()))
    for (const other of hvd.allgatherObject(digests)) expectSame(other, digests)
    return digests
  },
}

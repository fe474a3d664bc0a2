import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expect, test } from 'vitest'
import { eachDtype, type Group } from '../../src/collectives/groups'
import type { Pending } from '../../src/collectives/pending'
import { pause } from '../support/calls'

test.each(['well', 'with an error'])(
  'where a dtype cannot begin, those before are waited for and leave nothing (they end %s)',
  async (how) => {
    const tensors = [tf.scalar(1), tf.scalar(2, 'int32'), tf.scalar(3)]
    const before = tf.memory().numTensors
    const results: tf.Tensor[] = []
    const end = () => {
      if (how !== 'well') throw new Error('lost')
      results.push(tf.scalar(4), tf.scalar(6))
      return results
    }
    let waitedFor = 0
    const start = ({ dtype }: Group): Pending<tf.Tensor[]> => {
      if (dtype === 'int32') throw new Error('int32 is under way')
      const promise = async () => {
        waitedFor++
        await pause(1)
        return end()
      }
      return { wait: end, promise }
    }
    expect(() => eachDtype('name', tensors, ['a', 'b', 'c'], start)).toThrow('int32 is under way')
    await pause(20)
    expect(waitedFor).toBe(1)
    expect(results.map(({ isDisposed }) => isDisposed)).toEqual(how === 'well' ? [true, true] : [])
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose(tensors)
  },
)

import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expect, test } from 'vitest'
import { GradientReducer, type StartReduction } from '../../src/optimizer/reducer'

/** Doubles what it is given, and notes when it is asked for what. */
function double() {
  const log: string[] = []
  const start: StartReduction = (gradients, { name, names }) => {
    log.push(`start ${name}: ${names}`)
    return {
      wait: () => {
        log.push(`wait ${name}`)
        return gradients.map((gradient) => tf.mul(gradient, 2))
      },
    }
  }
  return { log, start }
}

const plan = [['d', 'c'], ['b'], ['a']]

test('starts a bucket when its last gradient is there, and waits for them in order', () =>
  tf.tidy(() => {
    const { log, start } = double()
    const reducer = new GradientReducer(plan, start)
    for (const [i, name] of ['c', 'b', 'd'].entries()) reducer.ready(name, tf.scalar(i))
    expect(log).toEqual(['start gradients.1: b', 'start gradients.0: d,c']) // the names in the plan's order, not in that of ready
    reducer.ready('a', tf.scalar(3))
    const reduced = reducer.finish()
    expect(log.slice(2)).toEqual(['start gradients.2: a', 'wait gradients.0', 'wait gradients.1', 'wait gradients.2'])
    expect(Object.entries(reduced).map(([name, tensor]) => [name, tensor.dataSync()[0]])).toEqual([
      ['d', 4],
      ['c', 0],
      ['b', 2],
      ['a', 6],
    ])
  }))

test('what has no gradient stays out, and its bucket travels nevertheless', () =>
  tf.tidy(() => {
    const { log, start } = double()
    const reducer = new GradientReducer(plan, start)
    reducer.ready('c', tf.scalar(1))
    reducer.ready('a', tf.scalar(2))
    expect(Object.keys(reducer.finish())).toEqual(['c', 'a'])
    expect(log.filter((line) => line.startsWith('start'))).toEqual([
      'start gradients.2: a',
      'start gradients.0: c',
      'start gradients.1: ',
    ])
  }))

test('refuses a gradient twice, also of a bucket under way, and one that is not in the plan', () =>
  tf.tidy(() => {
    const reducer = new GradientReducer(plan, double().start)
    reducer.ready('a', tf.scalar(1))
    reducer.ready('c', tf.scalar(1))
    for (const name of ['a', 'c'])
      expect(() => reducer.ready(name, tf.scalar(1))).toThrow(
        `got a second gradient for ${name}, expected one for each of 4 variables`,
      )
    expect(() => reducer.ready('e', tf.scalar(1))).toThrow('got a gradient for e')
  }))

test('a bucket that fails does not leave the others under way; the first failure is told', () =>
  tf.tidy(() => {
    const waited: string[] = []
    const start: StartReduction = (gradients, { name }) => ({
      wait: () => {
        waited.push(name)
        if (name !== 'gradients.2') throw new Error(name)
        return gradients
      },
    })
    expect(() => new GradientReducer(plan, start).finish()).toThrow('gradients.0')
    expect(waited).toEqual(['gradients.0', 'gradients.1', 'gradients.2'])
  }))

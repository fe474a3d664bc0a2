import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import {
  decodeSafetensors,
  encodeSafetensors,
  loadTinyUNet,
  safetensors,
  type TinyUNet,
  tinyUNet,
} from '@unet-industrial/tinyunet-model'
import { describeOnBackends, expectNoLeak, useBackend } from '@unet-internal/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'tinyunet-'))
afterAll(() => rmSync(folder, { recursive: true }))
const url = (name: string) => `file://${join(folder, name)}`

const expectSame = (got: TinyUNet, want: TinyUNet) => {
  expect(got.config).toEqual(want.config)
  got.variables.forEach((variable, i) => {
    const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength)
    const [a, b] = [variable, want.variables[i]!].map((each) => bytes(each.dataSync<'float32'>()))
    expect(a!.equals(b!), want.names[i]).toBe(true)
  })
}

/** A handler in memory, as tfjs has it in two halves. */
const memory = (): tf.io.IOHandler => {
  let kept: tf.io.ModelArtifacts
  const saver = tf.io.withSaveHandler(async (artifacts) => {
    kept = artifacts
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
  })
  return {
    save: (artifacts) => saver.save!(artifacts),
    load: async () => (tf.io.fromMemory as (artifacts: tf.io.ModelArtifacts) => tf.io.IOHandler)(kept).load!(),
  }
}

describeOnBackends('a model comes back to the bit, its settings too', () => {
  test.each<[string, () => tf.io.IOHandler | string]>([
    ['a folder', () => url('folder/model')],
    ['file://….safetensors', () => url('new/model.safetensors')],
    ['safetensors(path)', () => safetensors(join(folder, 'model.st'))],
    ['memory', memory],
  ])('%s', async (_, target) => {
    const model = tinyUNet({
      activation: 'prelu',
      kernelInitializer: 'glorot_normal',
      inputShape: [64, 32, 1],
      seed: 5,
    })
    const handler = target()
    await expectNoLeak(async () => {
      const { modelArtifactsInfo } = await model.save(handler)
      expect(modelArtifactsInfo.dateSaved).toBeInstanceOf(Date)
      const loaded = await loadTinyUNet(handler)
      expectSame(loaded, model)
      loaded.dispose()
    })
    model.dispose()
  })
})

test('localstorage://, which tfjs has in browsers', async () => {
  await useBackend('cpu')
  const items = new Map<string, string>()
  const localStorage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => items.set(key, value),
    removeItem: (key: string) => items.delete(key),
  }
  vi.stubGlobal('window', { localStorage })
  tf.env().set('IS_BROWSER', true)
  const model = tinyUNet({ activation: 'selu' })
  try {
    await model.save('localstorage://model')
    const loaded = await loadTinyUNet('localstorage://model')
    expectSame(loaded, model)
    loaded.dispose()
  } finally {
    tf.env().set('IS_BROWSER', false)
    vi.unstubAllGlobals()
    model.dispose()
  }
})

describe('files', () => {
  let model: TinyUNet
  beforeAll(async () => {
    await useBackend('cpu')
    model = tinyUNet()
    await model.save(url('good'))
    await model.save(url('good.safetensors'))
  })
  afterAll(() => model.dispose())
  const bytes = () => new Uint8Array(readFileSync(join(folder, 'good.safetensors')))

  test('model.json can be named itself, and is the layout that tfjs reads', async () => {
    const loaded = await loadTinyUNet(url('good/model.json'))
    expectSame(loaded, model)
    loaded.dispose()
    const { weightsManifest } = JSON.parse(readFileSync(join(folder, 'good/model.json'), 'utf8'))
    const weights = tf.io.decodeWeights(
      new Uint8Array(readFileSync(join(folder, 'good/weights.bin'))).buffer,
      weightsManifest[0].weights,
    )
    expect(Object.keys(weights)).toEqual(model.names)
    tf.dispose(weights)
  })

  test('a safetensors file is loaded from its bytes, and has the plain names and shapes', async () => {
    const loaded = await loadTinyUNet(safetensors(bytes()))
    expectSame(loaded, model)
    loaded.dispose()
    const { tensors } = decodeSafetensors(bytes())
    expect(Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]))).toEqual(
      Object.fromEntries(model.names.map((name, i) => [name, model.variables[i]!.shape])),
    )
  })

  test('weights alone are loaded into the model that the options describe, from half precision too', async () => {
    const { tensors } = decodeSafetensors(bytes())
    const halves = Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, data }]) => {
        const upper = Uint16Array.from(new Uint32Array((data as Float32Array).buffer), (bits) => bits >>> 16)
        return [name, { dtype: 'bfloat16', shape, data: upper }]
      }),
    )
    const loaded = await loadTinyUNet(safetensors(encodeSafetensors(halves)), { activation: 'elu' })
    expect(loaded.config.activation).toBe('elu')
    const [got, want] = [loaded, model].map(({ variables }) => variables[0]!.dataSync<'float32'>())
    got!.forEach((value, i) => {
      expect(Math.abs(value - want![i]!)).toBeLessThanOrEqual(Math.abs(want![i]!) / 128)
    })
    loaded.dispose()
  })

  test('saving replaces the file whole, and leaves no temporary one when it fails', async () => {
    const directory = join(folder, 'atomic')
    await model.save(url('atomic/model.safetensors'))
    await model.save(url('atomic/model.safetensors'))
    mkdirSync(join(directory, 'folder.safetensors'))
    await expect(model.save(url('atomic/folder.safetensors'))).rejects.toThrow('folder.safetensors')
    await expect(model.save(url('atomic/model.safetensors/below'))).rejects.toThrow('model.safetensors')
    expect(readdirSync(directory).sort()).toEqual(['folder.safetensors', 'model.safetensors'])
  })

  describe('bad ones', () => {
    const withTensors = (change: (tensors: ReturnType<typeof decodeSafetensors>['tensors']) => void) => () => {
      const { tensors, metadata } = decodeSafetensors(bytes())
      change(tensors)
      return encodeSafetensors(tensors, metadata)
    }
    test.each<[string, () => Uint8Array, string]>([
      ['truncated', () => bytes().subarray(0, 1_000_000), 'truncated'],
      [
        'a header of 2^63 bytes',
        () => new Uint8Array([0, 0, 0, 0, 0, 0, 0, 128]),
        'the header claims 9223372036854775808 bytes',
      ],
      [
        'a missing variable',
        withTensors((tensors) => delete tensors['up_block_2/conv_1/kernel']),
        'variable up_block_2/conv_1/kernel of shape [3,3,128,64] is missing',
      ],
      [
        'a wrong shape',
        withTensors((tensors) => {
          tensors['output_block/conv_3/kernel']!.shape = [32, 1, 1, 1]
        }),
        'variable output_block/conv_3/kernel: got shape [32,1,1,1], expected [1,1,32,1]',
      ],
      [
        'an unknown variable',
        withTensors((tensors) => {
          tensors.extra = { dtype: 'float32', shape: [1], data: new Float32Array(1) }
        }),
        'got a variable extra of shape [1] that the model does not have',
      ],
      [
        'integers of 64 bits',
        withTensors((tensors) => {
          tensors['output_block/conv_3/bias'] = { dtype: 'int64', shape: [1], data: new BigInt64Array(1) }
        }),
        'tensor output_block/conv_3/bias: int64 has no float32 form',
      ],
    ])('%s', async (name, make, message) => {
      const path = join(folder, `${name.replaceAll(' ', '-')}.safetensors`)
      writeFileSync(path, make())
      await expectNoLeak(() => expect(loadTinyUNet(`file://${path}`)).rejects.toThrow(message))
    })

    test('no file, and its path is in the message', async () => {
      await expect(loadTinyUNet(url('nothing'))).rejects.toThrow(join(folder, 'nothing'))
      await expect(loadTinyUNet(url('nothing.safetensors'))).rejects.toThrow(join(folder, 'nothing.safetensors'))
    })

    test('truncated weights.bin', async () => {
      await model.save(url('truncated'))
      writeFileSync(join(folder, 'truncated/weights.bin'), new Uint8Array(4_000_000))
      await expectNoLeak(() =>
        expect(loadTinyUNet(url('truncated'))).rejects.toThrow(
          'the weights have 4000000 bytes, expected 7401220; the file is truncated or damaged',
        ),
      )
    })

    test('damaged model.json', async () => {
      await model.save(url('damaged'))
      writeFileSync(join(folder, 'damaged/model.json'), '{"modelTopology":')
      await expect(loadTinyUNet(url('damaged'))).rejects.toThrow(/damaged.model\.json is not JSON .*it is damaged/)
    })

    test('a model of another kind', async () => {
      const handler = tf.io.fromMemory({
        modelTopology: { class_name: 'Sequential' },
        weightSpecs: [],
        weightData: new ArrayBuffer(0),
      })
      await expect(loadTinyUNet(handler as tf.io.IOHandler)).rejects.toThrow('the saved model is not a TinyUNet')
    })

    test('metadata that is no JSON', async () => {
      const file = encodeSafetensors({}, { modelTopology: '{' })
      await expect(loadTinyUNet(safetensors(file))).rejects.toThrow('metadata modelTopology is not JSON')
    })

    test('a URL that nothing here knows', async () => {
      await expect(model.save('indexeddb://model')).rejects.toThrow('nothing here can save indexeddb://model')
      await expect(loadTinyUNet('gopher://model')).rejects.toThrow('nothing here can load gopher://model')
    })

    test('a handler that can do only the other', async () => {
      await expect(model.save({ load: async () => ({}) })).rejects.toThrow('the handler has no save()')
      await expect(loadTinyUNet(tf.io.withSaveHandler(async () => ({}) as tf.io.SaveResult))).rejects.toThrow(
        'the handler has no load()',
      )
    })
  })
})

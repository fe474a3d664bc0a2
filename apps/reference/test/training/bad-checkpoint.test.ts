import { createHash } from 'node:crypto'
import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeSafetensors } from '@unet-industrial/tinyunet-model'
import { beforeAll, describe, expect, test } from 'vitest'
import { readJson, refusedIn, succeed, temporaryFolder } from '../command-line'
import { tiny } from './tiny'

const cwd = temporaryFolder()
const refused = refusedIn(cwd)

describe('a damaged checkpoint', () => {
  const path = (name: string, step: number, file: string) =>
    join(cwd, 'runs', name, 'checkpoints', `step-0000000${step}`, file)

  /** A copy of a run with checkpoints of steps 1 and 2. */
  const copy = (name: string) => cpSync(join(cwd, 'runs/good'), join(cwd, 'runs', name), { recursive: true })

  /** Puts other tensors into the newest checkpoint and makes the state vouch for them, as an attacker would. */
  const forge = (name: string, file: string, content: Uint8Array) => {
    writeFileSync(path(name, 2, file), content)
    const state = readJson(path(name, 2, 'state.json'))
    state.files[file] = { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
    writeFileSync(path(name, 2, 'state.json'), JSON.stringify(state))
  }

  beforeAll(() => succeed(`train ${tiny} --num-iter 2 --checkpoint-every 1 --run-name good`, cwd))

  test('truncated: nothing falls back silently, the older one is named and works when it is asked for', async () => {
    copy('truncated')
    truncateSync(
      path('truncated', 2, 'model.safetensors'),
      statSync(path('truncated', 2, 'model.safetensors')).size / 2,
    )
    const message =
      /checkpoint runs\/truncated\/checkpoints\/step-00000002 cannot be used: model\.safetensors has \d+ bytes, expected \d+; the one before it is runs\/truncated\/checkpoints\/step-00000001: name it to use it/
    await refused('train --resume truncated', 1, message)
    await refused('evaluate --checkpoint truncated', 1, message)
    const { stdout } = await succeed('train --resume runs/truncated/checkpoints/step-00000001', cwd)
    expect(stdout).toMatch(/^going on with runs\/truncated at step 1 /m)
  })

  test('one flipped bit', async () => {
    copy('flipped')
    const content = readFileSync(path('flipped', 2, 'optimizer.safetensors'))
    content[content.length - 1]! ^= 1
    writeFileSync(path('flipped', 2, 'optimizer.safetensors'), content)
    await refused('train --resume flipped', 1, /optimizer\.safetensors is not what was written: its hash differs/)
  })

  test('a header that claims more than there is', async () => {
    copy('hostile')
    const content = new Uint8Array(readFileSync(path('hostile', 2, 'model.safetensors')))
    new DataView(content.buffer).setBigUint64(0, 2n ** 62n, true)
    forge('hostile', 'model.safetensors', content)
    await refused('train --resume hostile', 1, /cannot be used: .*header claims 4611686018427387904 bytes/)
    await refused('evaluate --checkpoint hostile', 1, /header claims 4611686018427387904 bytes/)
  })

  test('tensors of other shapes', async () => {
    copy('shapes')
    const content = encodeSafetensors({ 'input_block/conv_1/kernel': { dtype: 'float32', shape: [2], data: [1, 2] } })
    forge('shapes', 'model.safetensors', content)
    await refused('train --resume shapes', 1, /input_block\/conv_1\/kernel: got shape \[2\], expected \[3,3,1,32\]/)
  })

  test('an optimizer of another model', async () => {
    copy('optimizer')
    forge('optimizer', 'optimizer.safetensors', encodeSafetensors({ step: { dtype: 'int32', shape: [], data: [1] } }))
    await refused('train --resume optimizer', 1, /cannot be used: got no weight/)
  })

  test('a run that is resumed with other sizes than it began with', async () => {
    copy('variant')
    await refused(
      'train --resume variant --num-iter 3 --unet-variant original',
      1,
      /cannot be used: variable .*: got shape/,
    )
    const { stdout } = await succeed('train --resume variant --num-iter 3', cwd)
    expect(stdout).toMatch(/^going on with runs\/variant at step 2 /m) // the refused options were not kept
    copy('set')
    await refused(
      'train --resume set --num-iter 3 --synthetic-defective 4',
      1,
      /run runs\/set was trained on other images: got 4 /,
    )
  })

  test('a state that is no JSON', async () => {
    copy('state')
    writeFileSync(path('state', 2, 'state.json'), '{"step":')
    await refused('train --resume state', 1, /step-00000002 cannot be used: .*JSON/)
  })
})

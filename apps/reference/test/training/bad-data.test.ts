import { cpSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { beforeAll, describe, expect, test } from 'vitest'
import { refusedIn, succeed, temporaryFolder } from '../command-line'

const cwd = temporaryFolder()
const refused = refusedIn(cwd)
const size = { width: 16, height: 16 }

describe('damaged data', () => {
  const set = (name: string) => join(cwd, name, 'Class1/Train')

  /** A copy of a good set, to be damaged. */
  const copy = (name: string) => {
    cpSync(join(cwd, 'set'), join(cwd, name), { recursive: true })
    return set(name)
  }
  const train = (name: string) => `train --data-dir ${name} --iter-unit batch --num-iter 1 --batch-size 2`

  beforeAll(() => succeed('data generate --data-dir set --image-size 16 --defective 3 --clean 2', cwd))

  test('a missing image is left out with a warning that counts; with --strict it is an error', async () => {
    const path = copy('missing')
    rmSync(join(path, '0577.PNG'))
    const { stdout } = await succeed(train('missing'), cwd)
    expect(stdout).toMatch(/^warning: .*\b1\b.*missing/m)
    expect(stdout).toMatch(/2 images, 1 steps/)
    await refused(`${train('missing')} --strict`, 1, /Class1/)
  })

  test('a truncated image is named', async () => {
    truncateSync(join(copy('cut'), '0576.PNG'), 60)
    await refused(train('cut'), 1, /cut\/Class1\/Train\/0576\.PNG: /)
  })

  test.each([
    ['RGB', encode({ ...size, data: new Uint8Array(3 * 256), channels: 3, depth: 8 })],
    ['16-bit', encode({ ...size, data: new Uint16Array(256), channels: 1, depth: 16 })],
  ])('%s is converted, which is said', async (kind, png) => {
    const path = copy(kind.slice(0, 3))
    writeFileSync(join(path, '0577.PNG'), png)
    const { stdout } = await succeed(train(kind.slice(0, 3)), cwd)
    expect(stdout).toMatch(new RegExp(`^warning: .*0577\\.PNG: ${kind} is converted to 8-bit grey`, 'm'))
  })

  test('a mask of another size is named with both sizes', async () => {
    const path = copy('mask')
    const mask = encode({ width: 8, height: 16, data: new Uint8Array(128), channels: 1, depth: 8 })
    writeFileSync(join(path, 'Label/0576_label.PNG'), mask)
    await refused(train('mask'), 1, /0576_label\.PNG.*8.*16/)
  })

  test('a line of Labels.txt with a field too few', async () => {
    const path = copy('fields')
    writeFileSync(join(path, 'Label/Labels.txt'), '1\n0576\t1\t0576.PNG\t0\n')
    await refused(train('fields'), 1, /Labels\.txt.*line 2/)
  })
})

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lossNames } from '@unet-industrial/adaptive-loss'
import { tinyUNet } from '@unet-industrial/tinyunet-model'
import { repositoryRoot, useBackend } from '@unet-internal/testing'
import { expect, test } from 'vitest'
import { command, commandNames } from '../../src/options/commands'
import { describe as about, findOption, optionNames } from '../../src/options/names'
import { parseArguments } from '../../src/options/parse'
import { takes } from '../../src/options/reference'
import { activations, initializers, losses, type OptionName } from '../../src/options/schema'
import { optionsTable } from '../../src/options/table'

test("the words are the packages'", async () => {
  await useBackend('cpu')
  expect([...losses].sort()).toEqual([...lossNames].sort())
  for (const activation of activations) tinyUNet({ activation, inputShape: [16, 16, 1] }).dispose()
  for (const kernelInitializer of initializers) tinyUNet({ kernelInitializer, inputShape: [16, 16, 1] }).dispose()
  const refusal = (options: object) => {
    try {
      tinyUNet(options)
    } catch (error) {
      return (error as Error).message.replace(/^.*expected one of /, '').split(', ')
    }
    throw new Error('was accepted')
  }
  expect([...activations].filter((name) => name !== 'prelu').sort()).toEqual(refusal({ activation: 'x' }).sort())
})

test("the README's table is the schema's (UPDATE_DOCS=1 writes it)", () => {
  const path = join(repositoryRoot, 'apps/reference/README.md')
  const readme = readFileSync(path, 'utf8')
  const [begin, end] = ['<!-- options -->\n', '\n<!-- /options -->']
  const table = /<!-- options -->\n[\s\S]*\n<!-- \/options -->/
  const wanted = readme.replace(table, () => `${begin}\n${optionsTable()}\n${end}`)
  if (process.env.UPDATE_DOCS) writeFileSync(path, wanted)
  expect(table.test(readme), 'the README has no place for the table').toBe(true)
  expect(readFileSync(path, 'utf8')).toBe(wanted)
})

test('every option belongs to a command', () => {
  const orphans = optionNames.filter((name) => !commandNames.some((command) => takes(command, name)))
  expect(orphans).toEqual([])
})

test('the flags of the reference are all there', () => {
  const flags =
    `exec_mode iter_unit num_iter batch_size warmup_step results_dir log_dir save_eval_results_to_json data_dir
    dataset_name dataset_classID data_format amp xla use_auto_loss_scaling weight_init_method learning_rate
    learning_rate_decay_factor learning_rate_decay_steps rmsprop_decay rmsprop_momentum weight_decay loss_fn_name
    augment_data display_every debug_verbosity seed unet_variant activation_fn`.split(/\s+/)
  for (const flag of flags) expect(about(findOption(flag)!).reference, flag).toBe(true)
})

test.each(commandNames)('the examples of %s are understood', (name) => {
  const { examples } = command(name)
  expect(examples.length).toBeGreaterThan(0)
  for (const example of examples) {
    const words = example
      .replaceAll('"', '')
      .replace(/^npx hvdrun .* unet-industrial /, '')
      .replace(/--config \S+ /, '')
      .split(' ')
    const request = parseArguments(words, '0.0.0')!
    expect(request.command, example).toBe(name)
    for (const option of Object.keys(request.given)) expect(takes(name, option as OptionName), option).toBe(true)
  }
})

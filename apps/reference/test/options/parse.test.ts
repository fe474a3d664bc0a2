import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/options/errors'
import { parseArguments } from '../../src/options/parse'

const parse = (line: string) => parseArguments(line.split(' '), '0.0.0')!
const message = (line: string): string => {
  try {
    parseArguments(line.split(' '), '0.0.0')
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  throw new Error(`${line} was understood`)
}
const configFile = (content: string) => {
  const path = join(mkdtempSync(join(tmpdir(), 'unet-config-')), 'c.json')
  writeFileSync(path, content)
  return path
}

test("train alone is the reference's published recipe", () => {
  expect(parse('train --data-dir d --class-id 3').options).toMatchObject({
    ...{ dataDir: 'd', classId: 3, datasetName: 'DAGM2007' },
    ...{ iterUnit: 'epoch', numIter: 2500, batchSize: 16, warmupStep: 200, augmentData: true },
    ...{ learningRate: 1e-4, learningRateDecayFactor: 0.8, learningRateDecaySteps: 500 },
    ...{ rmspropDecay: 0.9, rmspropMomentum: 0.8, weightDecay: 1e-5, lossFnName: 'adaptive_loss' },
    ...{ weightInitMethod: 'he_uniform', activationFn: 'relu', unetVariant: 'tinyUNet' },
    ...{ amp: false, xla: false, useAutoLossScaling: false, checkpointEvery: 1000, displayEvery: 50 },
  })
})

// The reference's scripts/UNet_AMP_1GPU.sh, with the shell's quotes gone.
const script =
  '--unet_variant=tinyUNet --activation_fn=relu --exec_mode=train_and_evaluate --iter_unit=batch --num_iter=2500 ' +
  '--batch_size=16 --warmup_step=10 --results_dir=/results --data_dir=/data --dataset_name=DAGM2007 ' +
  '--dataset_classID=7 --data_format=NCHW --use_auto_loss_scaling --amp --noxla --learning_rate=1e-4 ' +
  '--learning_rate_decay_factor=0.8 --learning_rate_decay_steps=500 --rmsprop_decay=0.9 --rmsprop_momentum=0.8 ' +
  '--loss_fn_name=adaptive_loss --weight_decay=1e-5 --weight_init_method=he_uniform --augment_data ' +
  '--display_every=250 --debug_verbosity=0'

test("the reference's command line runs as it is", () => {
  const { command, options } = parse(script)
  expect(command).toBe('train-and-evaluate')
  expect(options).toMatchObject({
    ...{ iterUnit: 'batch', numIter: 2500, batchSize: 16, warmupStep: 10, resultsDir: '/results', dataDir: '/data' },
    ...{ classId: 7, dataFormat: 'NCHW', useAutoLossScaling: true, amp: true, xla: false, learningRate: 1e-4 },
    ...{ augmentData: true, displayEvery: 250, debugVerbosity: 0, unetVariant: 'tinyUNet' },
  })
})

test.each([
  ['train', 'train', undefined],
  ['evaluate', 'evaluate', undefined],
  ['training_benchmark', 'benchmark', 'training'],
  ['inference_benchmark', 'benchmark', 'inference'],
])('--exec_mode=%s is %s %s', (mode, command, measured) => {
  const request = parse(script.replace('train_and_evaluate', mode))
  expect(request.command).toBe(command)
  expect(request.options.batchSize).toBe(16)
  if (measured) expect(request.options.mode).toBe(measured)
})

test.each([
  ['--noamp', { amp: false }],
  ['--noxla', { xla: false }],
  ['--nouse_auto_loss_scaling', { useAutoLossScaling: false }],
  ['--noaugment_data', { augmentData: false }],
  ['--no-augment-data', { augmentData: false }],
  ['--augment_data=false', { augmentData: false }],
  ['--amp=true', { amp: true }],
  ['--use_tf_amp --nouse_xla', { amp: true, xla: false }],
  ['--dataset-classID 4', { classId: 4 }],
  ['--class_id=4', { classId: 4 }],
  [
    '--save_eval_results_to_json --log_dir=log.json --seed=5',
    { saveEvalResultsToJson: true, logDir: 'log.json', seed: 5 },
  ],
])('%s', (flags, expected) => {
  expect(parse(`train ${flags}`).given).toEqual(expected)
})

test('--resume stands alone or names a run', () => {
  expect(parse('train --resume').options.resume).toBe(true)
  expect(parse('train --resume --num-iter 3').options).toMatchObject({ resume: true, numIter: 3 })
  expect(parse('train --resume a').options.resume).toBe('a')
  expect(parse('train --resume=a').options.resume).toBe('a')
})

test.each([
  ['train --bach-size 3', /^unknown flag --bach-size; did you mean --batch-size/],
  ['train --lerning_rate=3', /^unknown flag --lerning_rate; did you mean --learning-rate/],
  ['train --zzzzzzzzzz', /^unknown flag --zzzzzzzzzz$/],
  ['train --images 3', /^--images is not an option of train; see unet-industrial train --help$/],
  ['train --batch-size', /^--batch-size needs a value$/],
  ['train --batch-size --amp', /^--batch-size needs a value$/],
  [
    'train --batch-size 3 --global-batch-size 2',
    /^got --batch-size 3 and --global-batch-size 2, expected one of them: images of each process, or of all together$/,
  ],
  ['train --batch-size x', /^--batch-size: got "x", expected a whole number of at least 1$/],
  ['train --batch-size 0', /^--batch-size: got "0", expected a whole number of at least 1$/],
  ['train --batch-size 1.5', /^--batch-size: got "1.5", expected a whole number/],
  ['train --learning-rate=', /^--learning-rate: got "", expected a number/],
  ['train --class-id 11', /^--class-id: got "11", expected a whole number from 1 to 10$/],
  ['train --iter-unit epochs', /^--iter-unit: got "epochs", expected one of epoch, batch$/],
  ['train --amp=maybe', /^--amp: got "maybe", expected true or false$/],
  ['train --exec-mode evaluate', /^got the command train and --exec-mode evaluate, expected one of the two/],
  ['--exec_mode=trian', /^--exec-mode: got "trian", expected one of train, .*; did you mean train/],
  ['--batch-size 3', /^got flags and no command/],
  ['trian', /^no command trian; did you mean train\?/],
  ['train more', /too many arguments/],
  ['predict', /missing required argument 'images'/],
  ['data clean', /^data <action>: got "clean", expected one of generate, download, check, preview$/],
])('%s is refused', (line, expected) => {
  expect(message(line)).toMatch(expected)
})

test('a config file is below flags and above defaults, whatever the spelling of its names', () => {
  const path = configFile('{ "numIter": 7, "batch_size": 3, "dataset_classID": 2, "augment-data": false }')
  const { options, given } = parse(`train --config ${path} --batch-size 5`)
  expect(options).toMatchObject({ numIter: 7, batchSize: 5, classId: 2, augmentData: false, weightDecay: 1e-5 })
  expect(given).toEqual({ config: path, numIter: 7, batchSize: 5, classId: 2, augmentData: false })
})

test.each([
  ['{ "numItre": 7 }', /^unknown option numItre in .*c\.json; did you mean numIter/],
  ['{ "numIter": null }', /^numIter in .*c\.json: got null, expected a whole number/],
  [
    '{ "batchSize": 3, "globalBatchSize": 2 }',
    /^got batchSize in .*c\.json 3 and globalBatchSize in .*c\.json 2, expected/,
  ],
  ['{ "numIter": true }', /^numIter in .*c\.json: got true, expected a whole number/],
  ['{ "amp": "yes" }', /^amp in .*c\.json: got "yes", expected true or false/],
  ['[]', /expected an object of options/],
  ['{', /^cannot read options from .*c\.json/],
])('a config file with %s is refused', (content, expected) => {
  expect(message(`train --config ${configFile(content)}`)).toMatch(expected)
})

test('a batch size that comes later takes the place of a global one', () => {
  const path = configFile('{ "globalBatchSize": 16 }')
  const given = (flags: string) => parse(`train --config ${path} ${flags}`).given
  expect(given('--batch-size 2')).toEqual({ config: path, batchSize: 2 })
  expect(given('--num-iter 2')).toEqual({ config: path, globalBatchSize: 16, numIter: 2 })
  expect(given('--global-batch-size 8')).toEqual({ config: path, globalBatchSize: 8 })
})

test('a config file that is not there', () => {
  expect(message('train --config nowhere.json')).toMatch(/^cannot read options from nowhere\.json: ENOENT/)
})

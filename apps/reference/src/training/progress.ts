import { type Options, SingleBar } from 'cli-progress'
import { columnsOf, LiveLine } from './live-line'
import type { TrainLine } from './metrics-log'

/** How a training shows where it is. */
export interface Progress {
  /** After every step. */
  step(step: number): void
  /** After a step whose numbers were read. */
  numbers(line: TrainLine): void
  /** Says something without tearing the bar. */
  say(text: string): void
  stop(): void
}

/** Signals are the training's to hear, and the cursor stays: whatever ends a bar, nothing is to be put right. */
function liveBar(stream: NodeJS.WriteStream, options: Options): SingleBar {
  const look = { barCompleteChar: '█', barIncompleteChar: '░', barsize: 20, gracefulExit: false }
  const all = { ...options, ...look, terminal: new LiveLine(stream) } // an option that its types lack
  return new SingleBar(all)
}

/** 4521 seconds are `1h 15m`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.round(seconds % 60)]
  return h ? `${h}h ${m}m` : m ? `${m}m ${s}s` : `${s}s`
}

const rate = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** The numbers of a step as text: bar and plain lines say the same. */
export const describeLine = ({ loss, dice, branch, learningRate, imagesPerSecond }: TrainLine): string =>
  [
    `loss ${loss.toFixed(4)}`,
    `dice ${dice.toFixed(4)}`,
    ...(branch ? [branch.padEnd(4)] : []),
    `lr ${learningRate.toExponential(2)}`,
    `${rate(imagesPerSecond)} img/s`,
  ].join(' · ')

/** What the processes show that do not speak. */
export const silentProgress: Progress = { step() {}, numbers() {}, say() {}, stop() {} }

/** A bar that counts, on a terminal; else nothing. */
export function showCount(
  total: number,
  what: string,
  stream: NodeJS.WriteStream = process.stderr,
): Pick<SingleBar, 'update' | 'stop'> {
  if (!columnsOf(stream)) return { update() {}, stop() {} }
  const bar = liveBar(stream, { format: `{bar} {value}/{total} ${what}`, clearOnComplete: true })
  bar.start(total, 0)
  return bar
}

/**
 * A live bar on a terminal; else a line every `every` steps.
 *
 * @param from steps done before
 * @param batch images a step, for the time left
 */
export function showProgress(
  { total, from, every, batch }: { total: number; from: number; every: number; batch: number },
  stream: NodeJS.WriteStream = process.stdout,
): Progress {
  const left = ({ step, imagesPerSecond }: TrainLine) => duration(((total - step) * batch) / imagesPerSecond)
  if (!columnsOf(stream)) {
    const say = (text: string) => void stream.write(`${text}\n`)
    return {
      step: () => {},
      numbers(line) {
        if (line.step % every === 0 || line.step === total || line.step === from + 1)
          say(`step ${line.step}/${total} · ${describeLine(line)} · ${left(line)} left`)
      },
      say,
      stop: () => {},
    }
  }
  const bar = liveBar(stream, { format: '{bar} {value}/{total} · {numbers}' })
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  process.once('exit', stop)
  bar.start(total, from, { numbers: 'starting' })
  return {
    step: (step) => bar.update(step),
    numbers: (line) => bar.update(line.step, { numbers: `${describeLine(line)} · ${left(line)} left` }),
    say(text) {
      stream.write(`\r\u001b[K${text}\n`)
      bar.render()
    },
    stop,
  }
}

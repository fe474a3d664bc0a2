import { type DownloadProgress, downloadDagm } from '@unet-industrial/dagm-dataset'
import { SingleBar } from 'cli-progress'
import type { Request } from '../options/parse'
import { duration } from '../training/progress'

/** Downloads the class into --data-dir; a download that was broken off goes on where it stopped. */
export async function downloadData(dataDir: string, { options }: Request): Promise<void> {
  const { classId, layout, baseUrl } = options
  const progress = process.stderr.isTTY ? bar() : lines()
  const interrupt = new AbortController()
  const stop = () => interrupt.abort(new Error('stopped; the same command goes on from here'))
  process.once('SIGINT', stop)
  try {
    await downloadDagm({
      dataDir,
      classIds: [classId],
      layout,
      baseUrl,
      signal: interrupt.signal,
      onProgress: progress.show,
    })
  } catch (error) {
    throw interrupt.signal.aborted ? interrupt.signal.reason : error
  } finally {
    process.removeListener('SIGINT', stop)
    progress.stop()
  }
  console.log(
    `${dataDir}: class ${classId} is there; unet-industrial data check --data-dir ${dataDir} --class-id ${classId} counts it`,
  )
}

interface Shown {
  show(progress: DownloadProgress): void
  stop(): void
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

const timeLeft = ({ bytes, total, bytesPerSecond }: DownloadProgress) =>
  duration(total === null ? Number.NaN : (total - bytes) / bytesPerSecond)

/** A live bar for each phase of each file. */
function bar(): Shown {
  const format = '{file} {phase} {bar} {done} of {all} · {rate}/s · {left} left'
  let current: SingleBar | undefined
  let of = ''
  return {
    show(progress) {
      const { file, phase, bytes, total, bytesPerSecond } = progress
      const payload = {
        ...{ file, phase, done: megabytes(bytes), all: total === null ? '?' : megabytes(total) },
        ...{ rate: megabytes(bytesPerSecond), left: timeLeft(progress) },
      }
      if (of !== `${file} ${phase}`) {
        current?.stop()
        of = `${file} ${phase}`
        current = new SingleBar({ format, hideCursor: true, stream: process.stderr })
        current.start(total ?? 1, 0, payload)
      }
      current!.setTotal(total ?? Math.max(bytes, 1))
      current!.update(bytes, payload)
    },
    stop: () => current?.stop(),
  }
}

/** A line at the start of each phase and every tenth of a download, where output is no terminal. */
function lines(): Shown {
  let last = ''
  return {
    show(progress) {
      const { file, phase, bytes, total, bytesPerSecond } = progress
      const tenth = total ? Math.floor((10 * bytes) / total) : 0
      if (last === `${file} ${phase} ${tenth}`) return
      last = `${file} ${phase} ${tenth}`
      const rate =
        bytes > 0
          ? `: ${megabytes(bytes)}${total ? ` of ${megabytes(total)}` : ''}, ${megabytes(bytesPerSecond)}/s, ${timeLeft(progress)} left`
          : ''
      console.error(`${file} ${phase}${rate}`)
    },
    stop() {},
  }
}

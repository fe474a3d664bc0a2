/** Name and message of what a call throws; `no error` where it throws nothing. */
export function raised(call: () => unknown): string {
  try {
    call()
    return 'no error'
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

/** The same of a promise. */
export const rejected = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: Error) => `${error.name}: ${error.message}`,
  )

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Whether something comes true within some seconds. */
export async function until(condition: () => boolean, seconds = 5): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000
  while (!condition() && performance.now() < deadline) await pause(5)
  return condition()
}

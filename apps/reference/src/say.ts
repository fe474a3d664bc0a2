let silent = false

/** From now on nothing is said: among processes that train together one speaks for all. Errors are still told. */
export const beSilent = () => {
  silent = true
}

/** A line for the user. */
export const say = (text: string) => {
  if (!silent) process.stdout.write(`${text}\n`)
}

/** The same where stdout is kept for something else. */
export const sayAside = (text: string) => {
  if (!silent) process.stderr.write(`${text}\n`)
}

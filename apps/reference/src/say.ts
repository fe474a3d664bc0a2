let silent = false

/** From now on only warnings are said: among processes that train together one speaks for all. Errors are still told. */
export const beSilent = () => {
  silent = true
}

/** Says a line to the user. */
export type Say = (text: string, kind?: 'warning') => void

const sayTo =
  (stream: NodeJS.WriteStream): Say =>
  (text, kind) => {
    if (kind) stream.write(`${kind}: ${text}\n`)
    else if (!silent) stream.write(`${text}\n`)
  }

export const say = sayTo(process.stdout)

/** The same where stdout is kept for something else. */
export const sayAside = sayTo(process.stderr)

/** A line for the user. */
export const say = (text: string) => void process.stdout.write(`${text}\n`)

/** The same where stdout is kept for something else. */
export const sayAside = (text: string) => void process.stderr.write(`${text}\n`)

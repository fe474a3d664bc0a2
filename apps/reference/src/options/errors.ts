/** The command line or a config file asks for something that does not exist: exit code 2, where others are 1. */
export class UsageError extends Error {
  override name = 'UsageError'
}

import { library } from '../../tsup.base'

// Bundlers for browsers get what needs no files, by the condition `browser` in package.json.
export default library({ entry: ['src/index.ts', 'src/browser.ts'] })

import { fileURLToPath } from 'node:url'

/** The app's own folder, with package.json and bin/: the parent of src/ and of dist/, where bundling puts this file. */
export const appFolder = fileURLToPath(new URL('..', import.meta.url))

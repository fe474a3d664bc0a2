import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's top folder. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url))

/** Where TensorFlow's results lie: GOLDENS_DIR, else the project's own fixtures/. */
export const goldensDirectory = resolve(process.env.GOLDENS_DIR ?? join(repositoryRoot, 'fixtures'))

/** Material beside the checkout that is too large for it: UNET_SHARED_DIR, else ../shared. */
export const sharedDirectory = resolve(process.env.UNET_SHARED_DIR ?? join(repositoryRoot, '../shared'))

/** The real DAGM images, or undefined where they are not at hand. */
export const dagmDirectory = existsSync(join(sharedDirectory, 'dagm/manifest.csv'))
  ? join(sharedDirectory, 'dagm')
  : undefined

/** Why a test of real images is skipped; put it into the test's name. */
export const noDagm = dagmDirectory ? '' : ` (skipped: no DAGM images at ${sharedDirectory}/dagm; set UNET_SHARED_DIR)`

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where @tensorflow/tfjs-node and tfjs-node-gpu are kept for the tests, apart from the workspace: UNET_TFJS_NODE_DIR, else a cache. */
export const tfjsNodeFolder =
  process.env.UNET_TFJS_NODE_DIR ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'unet-industrial/tfjs-node-4.22.0')

/** The file that says that both were tried and work. */
export const tfjsNodeReady = join(tfjsNodeFolder, 'ready')
export const isTfjsNodeReady = () => existsSync(tfjsNodeReady)

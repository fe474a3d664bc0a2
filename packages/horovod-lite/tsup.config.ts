import { library } from '../../tsup.base'

// Threads and processes of their own are entries beside index; src/files.ts finds them there. They are ES modules only.
const entry = { background: 'src/background/main.ts', hvdrun: 'src/launcher/hvdrun.ts', agent: 'src/launcher/agent.ts' }
const index = { index: 'src/index.ts' }

export default [
  library({ entry: { ...index, ...entry }, format: 'esm', dts: { entry: index } }),
  library({ entry: index, format: 'cjs', dts: { entry: index }, clean: false, shims: true }),
]

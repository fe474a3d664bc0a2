import { library } from '../../tsup.base'

export default library({ entry: { index: 'src/index.ts', background: 'src/background/main.ts' }, shims: true })

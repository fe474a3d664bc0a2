import { library } from '../../tsup.base'

export default library({ platform: 'node', shims: true }) // shims: import.meta.url in CommonJS

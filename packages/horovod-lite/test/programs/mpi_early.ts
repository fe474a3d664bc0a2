// Starts MPI by a library (argument 1) with a level of threads (argument 2) before the addon does. Prints { message }: the
// addon's error.
import { loadNative, type Native } from '../../src/transports/native'
import { raised } from '../support/calls'

const [library, level] = process.argv.slice(2) as [string, string]
process.env.EARLY_MPI_LEVEL = level
raised(() => process.dlopen({ exports: {} }, library)) // it is no addon, but it is loaded
const native = loadNative() as Native
console.log(JSON.stringify({ message: raised(() => native.mpiStart(null)) }))

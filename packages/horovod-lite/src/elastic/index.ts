import { ObjectState } from './object_state'
import { run } from './run'
import { State } from './state'
import { TrainingState } from './training_state'

// An object, for bundled declarations would make types of what is both a type and a value in a namespace.
/** Training that goes on while ranks come and go: docs/elastic.md. */
export const elastic = { run, State, ObjectState, TrainingState }
export type { ObjectState, State as ElasticState, TrainingState }

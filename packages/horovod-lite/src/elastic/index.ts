export { ObjectState } from './object_state'
export { run } from './run'
export { State } from './state'
export { TrainingState } from './training_state'

export { run } from './run'
export { ObjectState, State, TrainingState, type TrainingStateOptions } from './state'

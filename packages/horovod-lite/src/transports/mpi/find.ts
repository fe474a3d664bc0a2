/** Why Open MPI cannot be used here; undefined where it can. */
export const findMpi = (): string | undefined => 'not there yet'

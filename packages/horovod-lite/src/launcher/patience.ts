// How long hvdrun waits for those who are to end, in milliseconds.

/** From the first failure until the others get SIGTERM: they may end by themselves, and say why. */
export const HEARING = 1000
/** Until SIGKILL, from SIGTERM, or from the first failure. mpirun needs 1 s to end its processes. */
export const GRACE = 3000
/** The same, until they are waited for no more. */
export const PATIENCE = 4500

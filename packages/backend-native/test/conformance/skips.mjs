// Tests of tfjs-core's suite that do not hold for this backend, each with the reason. At most ten.
export const skips = {}

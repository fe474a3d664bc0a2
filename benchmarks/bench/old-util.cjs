// tfjs-node 4.22 calls what Node 23 took away.
const util = require('node:util')
util.isNullOrUndefined ??= (value) => value === null || value === undefined

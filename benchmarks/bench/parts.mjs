// What is measured, in this order. A part has `about`; `jobs(options, present)`, its measurements in the order in which they
// are made, `present` being the names of the contenders that are here; and `markdown(results)`, its section.
import { demo } from './parts/demo.mjs'
import { latency } from './parts/latency.mjs'
import { memory } from './parts/memory.mjs'
import { size } from './parts/size.mjs'
import { speed } from './parts/speed.mjs'
import { start } from './parts/start.mjs'
import { steady } from './parts/steady.mjs'
import { sweep } from './parts/sweep.mjs'

export const parts = { speed, memory, latency, start, size, sweep, steady, demo }

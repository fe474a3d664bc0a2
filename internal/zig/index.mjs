export { compile } from './compile.mjs'
export { platforms } from './platforms.mjs'
export { zig } from './zig.mjs'

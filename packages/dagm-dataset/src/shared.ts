// What needs no files: the same in Node and in browsers.
export type { DatasetOptions } from './dataset/create'
export type { Batch, Dataset, DatasetState } from './dataset/dataset'
export { type Counts, officialCounts } from './official'
export { drawEllipses } from './raster/ellipse'
export { decodePng, encodePng } from './raster/png'
export { type Transform, transformRaster } from './raster/transform'
export { type SynthesizeOptions, synthesize } from './synthetic/synthesize'
export type { Ellipse, Layout, Normalization, OnWarning, Raster, Sample, Split } from './types'

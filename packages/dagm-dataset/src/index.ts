export type { Ellipse, Layout, Normalization, OnWarning, Raster, Sample, Split } from './types'

export * from './engines'
export * from './select'

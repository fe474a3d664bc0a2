/** Entries beside index that run in a thread or process of their own; the build puts them side by side. */
export const fileOf = (entry: 'background' | 'agent'): URL => new URL(`./${entry}.js`, import.meta.url)

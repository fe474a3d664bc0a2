/** Sum over the ranks, divided by their number. */
export const Average = 'Average'
export const Sum = 'Sum'
export const Min = 'Min'
export const Max = 'Max'
export const Product = 'Product'

/** How values of all ranks become one, element by element. */
export type ReduceOp = typeof Average | typeof Sum | typeof Min | typeof Max | typeof Product

/**
 * Registers the gradient of every tfjs-core kernel that has none yet.
 *
 * tfjs-core registers none of them in Node and its package hides the file that would ("gradient function not found
 * for RealDiv"). Gradients that are registered already, by `@tensorflow/tfjs` or by the user, are left alone.
 */
export function registerGradients(): void

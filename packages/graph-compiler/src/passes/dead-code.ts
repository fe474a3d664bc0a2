import { prune } from '../ir/walk'
import type { Pass } from './editor'

/**
 * What no output needs is not computed:
 *
 *     a ──▶ b ──▶ output          a ──▶ b ──▶ output
 *      └──▶ c ──▶ d          →
 */
export const deadCode: Pass = prune

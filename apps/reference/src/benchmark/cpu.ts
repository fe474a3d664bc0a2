import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

// What the kernels of this project and of TensorFlow choose by.
const telling =
  /^(avx2|fma|f16c|avx512(f|bw|dq|vl|_bf16|_fp16|_vnni)|avx_vnni|amx_(tile|bf16|int8|fp16)|asimd(hp|dp)?|bf16|i8mm|sve2?)$/

/** The processor's name, and those of its features that decide speed here; none where the system does not list them. */
export function cpu(): { cpu: string; features: string[] } {
  return { cpu: cpus()[0]?.model.trim() ?? 'unknown', features: listFeatures().filter((name) => telling.test(name)) }
}

function listFeatures(): string[] {
  try {
    const [, list = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? []
    return list.trim().split(/\s+/)
  } catch {
    return [] // not Linux
  }
}

declare module '@unet-internal/zig' {
  /** As Node names them. */
  export const platforms: Record<string, { triple: string } | undefined>
  /** The pinned C compiler, which keeps its files in a folder. */
  export function zig(cache: string): { version: string; run(args: string[]): Promise<string> }
}

declare module '@unet-internal/zig' {
  /** The pinned C compiler, which keeps its files in a folder. */
  export function zig(cache: string): { version: string; run(args: string[]): Promise<string> }
}

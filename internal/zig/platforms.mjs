// The platforms that binaries are built for, named as Node names them.
// glibc 2.28 is the oldest that Node 20 runs on, so every machine that has Node can load the Linux ones.
export const platforms = {
  'linux-x64': { triple: 'x86_64-linux-gnu.2.28', flags: ['-fPIC'], link: ['-lpthread', '-lm'] },
  'linux-arm64': { triple: 'aarch64-linux-gnu.2.28', flags: ['-fPIC'], link: ['-lpthread', '-lm'] },
  'darwin-x64': { triple: 'x86_64-macos.11.0', flags: [], link: ['-Wl,-undefined,dynamic_lookup'] },
  'darwin-arm64': { triple: 'aarch64-macos.11.0', flags: [], link: ['-Wl,-undefined,dynamic_lookup'] },
  'win32-x64': { triple: 'x86_64-windows-gnu', flags: [], link: [] },
}

import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from '../files'
import { type Picture, toPng } from './raster'

/** Writes a picture as PNG, making its folder. @throws one line that names the file */
export function writePicture(path: string, picture: Picture): void {
  try {
    makeFolder(dirname(path))
    writeFileSync(path, toPng(picture))
  } catch (error) {
    throw new Error(`cannot write ${path}: ${(error as Error).message}; choose another --output-dir`, { cause: error })
  }
}

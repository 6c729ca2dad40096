import type { ByteSource } from './byte-source.ts'

export type { ByteSource } from './byte-source.ts'

export interface IsoFile {
  /** Names with `/` in between, no leading `/`. */
  readonly path: string
  readonly size: number
}

export interface IsoImage {
  readonly label: string
  /** All regular files, in no particular order. */
  readonly files: readonly IsoFile[]
  /**
   * The bytes of a file, or undefined when there is no such file. Rejects with RefusedError when it has more than
   * `mostBytes`, or does not lie within the image.
   */
  read(path: string, mostBytes: number): Promise<Buffer | undefined>
}

/**
 * Reads an ISO 9660 image's folders: Rock Ridge names where there are any, else Joliet, else plain ones in lower case.
 * What follows the image is ignored. Bounded in size and time whatever the image says. Rejects with RefusedError when
 * this is no such image, or a broken one.
 */
export function readIso(_source: ByteSource): Promise<IsoImage> {
  return Promise.reject(new Error('not yet'))
}

/** A file of an image to be made. */
export interface IsoEntry {
  /** Names with `/` in between, no leading `/`: `openstack/latest/user_data`. */
  readonly path: string
  readonly data: Buffer
  /** Its mode says that it may be run: 0555 instead of 0444. */
  readonly executable?: boolean
}

export interface IsoContents {
  /** Volume label, at most 16 characters. */
  readonly label: string
  readonly files: readonly IsoEntry[]
  /** Time stamp of all there is in the image. */
  readonly now: Date
}

/**
 * An ISO 9660 image (ECMA-119 level 1) with Rock Ridge and Joliet names, the same bytes for the same input. Throws
 * RefusedError for what such an image cannot hold: folders too deep, names too long, the same path twice.
 */
export function writeIso(_contents: IsoContents): Buffer {
  throw new Error('not yet')
}

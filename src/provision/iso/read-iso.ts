import { RefusedError } from '../../base/errors.ts'
import type { ByteSource } from './byte-source.ts'
import { recordsOf, type DirectoryRecord } from './directory-record.ts'
import { SECTOR } from './fields.ts'
import { IsoBytes } from './iso-bytes.ts'
import { readVolume, type IsoVolume } from './iso-volume.ts'
import { readRockRidge, sharingSkip } from './system-use.ts'
import { FolderWalk, type FoundFile, type Names } from './walk-folders.ts'

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
export async function readIso(source: ByteSource): Promise<IsoImage> {
  const bytes = new IsoBytes(source)
  const volume = await readVolume(bytes)
  const { names, root } = await bestTree(bytes, volume)
  const files = await new FolderWalk(bytes, volume.block, names).run(root)
  return {
    label: volume.label,
    files: [...files.values()].map(({ path, size }) => ({ path, size })),
    async read(path, mostBytes) {
      const file = files.get(path)
      return file === undefined ? undefined : readFile(bytes, file, mostBytes)
    },
  }
}

async function bestTree(bytes: IsoBytes, volume: IsoVolume): Promise<{ names: Names; root: DirectoryRecord }> {
  const { root, joliet, block } = volume
  const [self] = recordsOf(await bytes.describe(root.block * block, Math.min(SECTOR, root.bytes)))
  const skip = self === undefined ? undefined : sharingSkip(self.systemUse)
  if (self !== undefined && skip !== undefined) {
    // The root's own record begins with SUSP's mark, whatever is skipped elsewhere.
    const rock = await readRockRidge(self.systemUse, 0, block, bytes)
    if (rock.known) return { names: { kind: 'rock ridge', skip }, root }
  }
  return joliet === undefined ? { names: { kind: 'plain' }, root } : { names: { kind: 'joliet' }, root: joliet }
}

async function readFile(bytes: IsoBytes, file: FoundFile, mostBytes: number): Promise<Buffer> {
  const shown = JSON.stringify(file.path.length > 80 ? `..${file.path.slice(-77)}` : file.path)
  if (file.unreadable !== undefined) {
    throw new RefusedError({
      kind: 'iso-unreadable',
      cause: `${shown} on the ISO image cannot be read: ${file.unreadable}`,
      cure: 'Make the image again without that',
    })
  }
  if (file.size > mostBytes) {
    throw new RefusedError({
      kind: 'iso-large',
      cause: `${shown} on the ISO image has ${file.size} bytes, more than the ${mostBytes} that are expected at most`,
      cure: 'Check that this is the right image',
    })
  }
  const parts: Buffer[] = []
  for (const { offset, length } of file.parts) if (length > 0) parts.push(await bytes.content(offset, length))
  return Buffer.concat(parts)
}

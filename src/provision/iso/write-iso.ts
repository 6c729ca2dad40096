import { RefusedError } from '../../base/errors.ts'
import { DirectoryTree, type Places } from './directory-tree.ts'
import { SECTOR, sectorsFor } from './fields.ts'
import { jolietNames, plainNames } from './iso-names.ts'
import { isFolder, isoTree, type FileNode, type FolderNode, type IsoEntry, type IsoNode } from './iso-tree.ts'
import { jolietDescriptor, primaryDescriptor, terminator } from './volume-descriptors.ts'

export type { IsoEntry } from './iso-tree.ts'

export interface IsoContents {
  /** Volume label, at most 16 characters. */
  readonly label: string
  readonly files: readonly IsoEntry[]
  /** Time stamp of all there is in the image. */
  readonly now: Date
}

/** ECMA-119 6.2.1: what stands before is for boot loaders. */
const FIRST_DESCRIPTOR = 16
const FIRST_PATH_TABLE = FIRST_DESCRIPTOR + 3

/**
 * An ISO 9660 image (ECMA-119 level 1) with Rock Ridge and Joliet names, the same bytes for the same input. Throws
 * RefusedError for what such an image cannot hold: folders too deep, names too long, the same path twice.
 */
export function writeIso({ label, files, now }: IsoContents): Buffer {
  checkLabel(label)
  const root = isoTree(files)
  const plain = new DirectoryTree(root, plainNames, true, now)
  const joliet = new DirectoryTree(root, jolietNames, false, now)

  const plainTables = tablesAt(FIRST_PATH_TABLE, plain)
  const jolietTables = tablesAt(plainTables.end, joliet)
  const jolietFolders = jolietTables.end + plain.sectors
  const { places, end } = placeFiles(filesOf(root), jolietFolders + joliet.sectors)
  const plainPlaces = new Map([...plain.place(jolietTables.end), ...places])
  const jolietPlaces = new Map([...joliet.place(jolietFolders), ...places])

  const image = Buffer.alloc(end * SECTOR)
  const put = (sector: number, bytes: Buffer) => bytes.copy(image, sector * SECTOR)
  const volume = { label, sectors: end, now }
  put(FIRST_DESCRIPTOR, primaryDescriptor({ ...volume, ...plainTables, rootRecord: plain.rootRecord(plainPlaces) }))
  put(
    FIRST_DESCRIPTOR + 1,
    jolietDescriptor({ ...volume, ...jolietTables, rootRecord: joliet.rootRecord(jolietPlaces) }),
  )
  put(FIRST_DESCRIPTOR + 2, terminator())
  put(plainTables.littleTable, plain.pathTable(plainPlaces, 'little'))
  put(plainTables.bigTable, plain.pathTable(plainPlaces, 'big'))
  put(jolietTables.littleTable, joliet.pathTable(jolietPlaces, 'little'))
  put(jolietTables.bigTable, joliet.pathTable(jolietPlaces, 'big'))
  plain.writeTo(image, plainPlaces)
  joliet.writeTo(image, jolietPlaces)
  for (const [node, { sector }] of places) if (!isFolder(node)) put(sector, node.data)
  return image
}

/** Where a tree's two path tables lie. */
function tablesAt(sector: number, { pathTableBytes }: DirectoryTree) {
  const sectors = sectorsFor(pathTableBytes)
  return { pathTableBytes, littleTable: sector, bigTable: sector + sectors, end: sector + 2 * sectors }
}

function* filesOf(folder: FolderNode): Generator<FileNode> {
  for (const child of folder.children) {
    if (isFolder(child)) yield* filesOf(child)
    else yield child
  }
}

/** One after another. Files that begin at the same sector are one file to some readers, so an empty one has a sector, too. */
function placeFiles(files: Iterable<FileNode>, sector: number): { places: Places; end: number } {
  const places = new Map<IsoNode, { sector: number; bytes: number }>()
  for (const file of files) {
    places.set(file, { sector, bytes: file.data.length })
    sector += Math.max(1, sectorsFor(file.data.length))
  }
  return { places, end: sector }
}

function checkLabel(label: string): void {
  if (/^[\x20-\x7E]{1,16}$/.test(label)) return
  throw new RefusedError({
    kind: 'iso-label',
    cause: `An ISO image cannot be labelled ${JSON.stringify(label.slice(0, 80))}`,
    cure: 'Give it a label of 1 to 16 plain characters',
  })
}

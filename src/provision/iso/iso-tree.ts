import { RefusedError } from '../../base/errors.ts'

/** A file of an image to be made. */
export interface IsoEntry {
  /** Names with `/` in between, no leading `/`: `openstack/latest/user_data`. */
  readonly path: string
  readonly data: Buffer
  /** Its mode says that it may be run: 0555 instead of 0444. */
  readonly executable?: boolean
}

export interface FileNode {
  readonly name: string
  readonly data: Buffer
  readonly executable: boolean
}

export interface FolderNode {
  readonly name: string
  readonly parent: FolderNode | undefined
  readonly children: (FileNode | FolderNode)[]
}

export type IsoNode = FileNode | FolderNode

export function isFolder(node: IsoNode): node is FolderNode {
  return 'children' in node
}

/** ECMA-119 6.8.2.1: eight levels, the root being one. */
const MOST_FOLDERS_DEEP = 7
/** What Linux can open. */
const MOST_NAME_BYTES = 255
/** An image is made in memory. */
export const MOST_IMAGE_BYTES = 256 << 20
/** Folders have 16 bits in path tables; each folder has a sector, too. */
const MOST_FILES = 50_000

/** The folders and files of an image. Throws RefusedError for paths that an image cannot hold. */
export function isoTree(entries: readonly IsoEntry[]): FolderNode {
  const bytes = entries.reduce((sum, { data }) => sum + data.length, 0)
  if (bytes > MOST_IMAGE_BYTES) throw tooLarge(`${bytes} bytes`, `${MOST_IMAGE_BYTES} bytes`)
  if (entries.length > MOST_FILES) throw tooLarge(`${entries.length} files`, `${MOST_FILES} files`)
  const root: FolderNode = { name: '', parent: undefined, children: [] }
  const seen = new Map<string, IsoNode>()
  for (const entry of entries) add(root, seen, entry)
  return root
}

function add(root: FolderNode, seen: Map<string, IsoNode>, { path, data, executable = false }: IsoEntry): void {
  const names = path.split('/')
  for (const name of names) checkName(path, name)
  if (names.length - 1 > MOST_FOLDERS_DEEP) throw badPath(path, `lies more than ${MOST_FOLDERS_DEEP} folders deep`)
  let folder = root
  names.slice(0, -1).forEach((name, depth) => {
    const key = names.slice(0, depth + 1).join('/')
    let next = seen.get(key)
    if (next === undefined) {
      next = { name, parent: folder, children: [] }
      folder.children.push(next)
      seen.set(key, next)
    }
    if (!isFolder(next)) throw badPath(path, `needs a folder where there is a file, ${shown(key)}`)
    folder = next
  })
  if (seen.has(path)) throw badPath(path, 'is there twice')
  const file = { name: names.at(-1) ?? '', data, executable }
  folder.children.push(file)
  seen.set(path, file)
}

function checkName(path: string, name: string): void {
  if (name === '' || name === '.' || name === '..') throw badPath(path, `has ${shown(name)} for a name`)
  if (name.includes('\0')) throw badPath(path, 'has a zero byte in a name')
  if (/\p{Surrogate}/u.test(name)) throw badPath(path, 'has half a character in a name')
  if (Buffer.byteLength(name) > MOST_NAME_BYTES) throw badPath(path, `has a name of over ${MOST_NAME_BYTES} bytes`)
}

function badPath(path: string, what: string): RefusedError {
  return new RefusedError({
    kind: 'iso-path',
    cause: `The file ${shown(path)} cannot be put on an ISO image: its path ${what}`,
    cure: 'Give it another path',
  })
}

function tooLarge(size: string, limit: string): RefusedError {
  return new RefusedError({
    kind: 'iso-size',
    cause: `${size} are too much for an ISO image of ours, which takes ${limit}`,
    cure: 'Leave out what is not needed in it',
  })
}

/** For an error text: quoted, without control characters, and not endless. */
function shown(path: string): string {
  return JSON.stringify(path.length > 80 ? `${path.slice(0, 77)}...` : path)
}

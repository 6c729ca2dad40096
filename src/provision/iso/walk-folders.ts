import { isDots, recordsOf, type DirectoryRecord } from './directory-record.ts'
import { SECTOR } from './fields.ts'
import { brokenIso, type IsoBytes } from './iso-bytes.ts'
import { readRockRidge, type RockRidge } from './system-use.ts'

/** A regular file as the image has it. */
export interface FoundFile {
  readonly path: string
  readonly size: number
  /** Where its bytes are, in this order. */
  readonly parts: readonly { readonly offset: number; readonly length: number }[]
  /** Why its bytes cannot be had. */
  readonly unreadable: string | undefined
}

/** How names are told in the tree that is walked. */
export type Names = { readonly kind: 'rock ridge'; readonly skip: number } | { readonly kind: 'joliet' | 'plain' }

interface Folder {
  readonly path: string
  readonly depth: number
  readonly offset: number
  readonly bytes: number
}

const MOST_FILES = 50_000
const MOST_FOLDERS = 5_000
const MOST_DEPTH = 64
const MOST_FOLDER_BYTES = 8 << 20

/** All regular files below the root; where two have the same path, the first. Each folder is looked at once. */
export class FolderWalk {
  readonly #bytes: IsoBytes
  readonly #block: number
  readonly #names: Names
  readonly #folders: Folder[] = []
  readonly #known = new Set<number>()
  readonly #files = new Map<string, FoundFile>()

  constructor(bytes: IsoBytes, block: number, names: Names) {
    this.#bytes = bytes
    this.#block = block
    this.#names = names
  }

  async run(root: DirectoryRecord): Promise<ReadonlyMap<string, FoundFile>> {
    this.#queue('', 0, root.block, root.bytes)
    // The list grows while it is gone through.
    for (const folder of this.#folders) await this.#look(folder)
    return this.#files
  }

  async #look(folder: Folder): Promise<void> {
    let earlier: DirectoryRecord[] = []
    for (const record of recordsOf(await this.#bytes.describe(folder.offset, folder.bytes))) {
      this.#bytes.step()
      if (isDots(record) || record.isAssociated) continue
      if (record.goesOn && !record.isFolder) {
        earlier.push(record)
        continue
      }
      const rock = await this.#rockRidge(record)
      const name = rock?.name ?? this.#name(record)
      if (isUsable(name) && rock?.isRelocated !== true) {
        const path = folder.path === '' ? name : `${folder.path}/${name}`
        this.#bytes.keepPath(path)
        await this.#take(path, folder.depth, [...earlier, record], rock)
      }
      earlier = []
    }
  }

  async #take(path: string, depth: number, records: readonly DirectoryRecord[], rock?: RockRidge): Promise<void> {
    const last = records.at(-1)
    if (last === undefined) return
    if (rock?.relocatedTo !== undefined) {
      this.#queue(path, depth + 1, rock.relocatedTo, await this.#ownSize(rock.relocatedTo))
    } else if (last.isFolder) this.#queue(path, depth + 1, last.block, last.bytes)
    else if (isRegular(rock)) this.#add(path, records, rock)
  }

  /** The size of a folder by its own first record, `.`. */
  async #ownSize(block: number): Promise<number> {
    const [self] = recordsOf(await this.#bytes.describe(block * this.#block, SECTOR))
    if (self === undefined) throw brokenIso('a folder in it is empty')
    return self.bytes
  }

  #queue(path: string, depth: number, block: number, bytes: number): void {
    if (this.#known.has(block)) return
    this.#known.add(block)
    if (depth > MOST_DEPTH || this.#known.size > MOST_FOLDERS) throw brokenIso('its folders have no end')
    if (bytes > MOST_FOLDER_BYTES) throw brokenIso('a folder in it would be huge')
    this.#folders.push({ path, depth, offset: block * this.#block, bytes })
  }

  #add(path: string, records: readonly DirectoryRecord[], rock: RockRidge | undefined): void {
    if (this.#files.has(path)) return
    if (this.#files.size >= MOST_FILES) throw brokenIso(`it would have more than ${MOST_FILES} files`)
    const parts = records.map(({ block, bytes }) => ({ offset: block * this.#block, length: bytes }))
    const interleaved = records.some(({ isInterleaved }) => isInterleaved) ? 'it is interleaved' : undefined
    this.#files.set(path, {
      path,
      parts,
      size: parts.reduce((sum, { length }) => sum + length, 0),
      unreadable: rock?.isCompressed === true ? 'it is compressed' : interleaved,
    })
  }

  async #rockRidge(record: DirectoryRecord): Promise<RockRidge | undefined> {
    if (this.#names.kind !== 'rock ridge') return undefined
    return readRockRidge(record.systemUse, this.#names.skip, this.#block, this.#bytes)
  }

  /** Without the version, and a plain one in lower case, as Linux shows it. */
  #name({ id }: DirectoryRecord): string {
    if (this.#names.kind === 'joliet') return Buffer.from(id.subarray(0, id.length & ~1)).swap16().toString('utf16le').replace(/;\d+$/, '') // prettier-ignore
    return id.toString('latin1').replace(/;\d+$/, '').replace(/\.$/, '').toLowerCase()
  }
}

/** A name that cannot lead anywhere else. */
function isUsable(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)
}

/** No link, no device: Rock Ridge tells by the mode. */
function isRegular(rock: RockRidge | undefined): boolean {
  return rock?.type === undefined || rock.type === 0o100000
}

import { both16, both32, SECTOR, sectorsFor, shortDate } from './fields.ts'
import type { Naming } from './iso-names.ts'
import { isFolder, type FolderNode, type IsoNode } from './iso-tree.ts'
import { childSystemUse, ContinuationArea, continuation, folderSystemUse, inlineBytes, NO_SYSTEM_USE, type SystemUse } from './rock-ridge.ts' // prettier-ignore

/** A record of a folder, before it is known where things lie. */
interface Planned {
  readonly id: Buffer
  readonly target: IsoNode
  readonly use: SystemUse
  /** Where the rest of `use` is in the area of continuations. */
  readonly restAt: number
}

interface PlannedFolder {
  readonly node: FolderNode
  /** Its name in its parent, and the parent's number in the path table. */
  readonly id: Buffer
  readonly parent: number
  readonly records: readonly Planned[]
  readonly sectors: number
}

/** Sector and size in bytes of each file and folder. */
export type Places = ReadonlyMap<IsoNode, { readonly sector: number; readonly bytes: number }>

const SELF = Buffer.from([0])
const PARENT = Buffer.from([1])

/** One of the image's trees of folders: all names in one manner. Planned first, since folders name each other's sectors. */
export class DirectoryTree {
  readonly #now: Date
  readonly #folders: readonly PlannedFolder[]
  readonly #continuations = new ContinuationArea()
  /** Sectors for the folders, and after them for what did not fit into their records. */
  readonly sectors: number
  readonly pathTableBytes: number

  constructor(root: FolderNode, naming: Naming, rockRidge: boolean, now: Date) {
    this.#now = now
    this.#folders = this.#plan(root, naming, rockRidge)
    this.sectors = this.#folderSectors() + this.#continuations.sectors
    this.pathTableBytes = this.#folders.reduce((sum, { id }) => sum + 8 + id.length + (id.length % 2), 0)
  }

  /** Where the folders lie when the first one begins at this sector. */
  place(sector: number): Places {
    const places = new Map<IsoNode, { sector: number; bytes: number }>()
    for (const { node, sectors } of this.#folders) {
      places.set(node, { sector, bytes: sectors * SECTOR })
      sector += sectors
    }
    return places
  }

  /** ECMA-119 9.4, in either byte order. */
  pathTable(places: Places, order: 'little' | 'big'): Buffer {
    const records = this.#folders.map(({ node, id, parent }) => {
      const record = Buffer.alloc(8 + id.length + (id.length % 2))
      record[0] = id.length
      const sector = placeOf(places, node).sector
      if (order === 'little') record.writeUInt32LE(sector, 2)
      else record.writeUInt32BE(sector, 2)
      if (order === 'little') record.writeUInt16LE(parent, 6)
      else record.writeUInt16BE(parent, 6)
      id.copy(record, 8)
      return record
    })
    return Buffer.concat(records)
  }

  /** Writes the folders into the image. `places` knows all folders of this tree, and the files. */
  writeTo(image: Buffer, places: Places): void {
    const first = this.#folders[0]
    const area = (first === undefined ? 0 : placeOf(places, first.node).sector) + this.#folderSectors()
    for (const { node, records } of this.#folders) {
      let at = placeOf(places, node).sector * SECTOR
      for (const planned of records) {
        const record = this.#record(planned, places, area)
        at = startOf(record.length, at)
        at += record.copy(image, at)
      }
    }
    this.#continuations.writeTo(image.subarray(area * SECTOR))
  }

  /** The record for this node that stands in the volume descriptor. */
  rootRecord(places: Places): Buffer {
    const target = this.#folders[0]?.node
    if (target === undefined) throw new Error('a tree has a root')
    return this.#record({ id: SELF, target, use: NO_SYSTEM_USE, restAt: 0 }, places, 0)
  }

  /** Level by level, as the path table wants them. */
  #plan(root: FolderNode, naming: Naming, rockRidge: boolean): PlannedFolder[] {
    const folders: PlannedFolder[] = []
    let level: Omit<PlannedFolder, 'records' | 'sectors'>[] = [{ node: root, id: SELF, parent: 1 }]
    while (level.length > 0) {
      const next: typeof level = []
      for (const { node, id, parent } of level) {
        const children = naming(node)
        const records = this.#records(node, children, rockRidge)
        folders.push({ node, id, parent, records, sectors: sectorsFor(bytesOf(records)) })
        const number = folders.length
        for (const child of children)
          if (isFolder(child.node)) next.push({ node: child.node, id: child.id, parent: number })
      }
      level = next
    }
    return folders
  }

  #records(node: FolderNode, children: ReturnType<Naming>, rockRidge: boolean): Planned[] {
    const planned = (id: Buffer, target: IsoNode, use: SystemUse): Planned => {
      const shown = rockRidge ? use : NO_SYSTEM_USE
      return { id, target, use: shown, restAt: shown.rest.length > 0 ? this.#continuations.add(shown.rest) : 0 }
    }
    const parent = node.parent ?? node
    return [
      planned(SELF, node, folderSystemUse(node, this.#now, node.parent === undefined)),
      planned(PARENT, parent, folderSystemUse(parent, this.#now, false)),
      ...children.map(({ node: child, id }) => planned(id, child, childSystemUse(child, this.#now, id.length))),
    ]
  }

  #folderSectors(): number {
    return this.#folders.reduce((sum, { sectors }) => sum + sectors, 0)
  }

  /** ECMA-119 9.1 */
  #record({ id, target, use, restAt }: Planned, places: Places, areaSector: number): Buffer {
    const { sector, bytes } = placeOf(places, target)
    const head = [both32(sector), both32(bytes), shortDate(this.#now), Buffer.from([isFolder(target) ? 2 : 0, 0, 0])]
    const name = [both16(1), Buffer.from([id.length]), id, Buffer.alloc((id.length + 1) % 2)]
    const more = use.rest.length > 0 ? [continuation(areaSector, restAt, use.rest.length)] : []
    const body = Buffer.concat([...head, ...name, use.inline, ...more])
    const length = 2 + body.length + (body.length % 2)
    return Buffer.concat([Buffer.from([length, 0]), body], length)
  }
}

function placeOf(places: Places, node: IsoNode): { readonly sector: number; readonly bytes: number } {
  const place = places.get(node)
  if (place === undefined) throw new Error(`no place for ${node.name}`)
  return place
}

/** Where a record begins that should begin at `at`: it does not go over the end of a sector. */
function startOf(length: number, at: number): number {
  return (at % SECTOR) + length > SECTOR ? sectorsFor(at) * SECTOR : at
}

function bytesOf(records: readonly Planned[]): number {
  return records.reduce((at, { id, use }) => {
    const length = 33 + id.length + ((id.length + 1) % 2) + inlineBytes(use)
    const even = length + (length % 2)
    return startOf(even, at) + even
  }, 0)
}

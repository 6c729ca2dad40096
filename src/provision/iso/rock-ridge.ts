import { both32, SECTOR, sectorsFor, shortDate, suspEntry } from './fields.ts'
import { isFolder, type IsoNode } from './iso-tree.ts'

/** What Rock Ridge (RRIP 1.09) adds to a directory record: in the record, and where that is too small, elsewhere. */
export interface SystemUse {
  readonly inline: Buffer
  readonly rest: Buffer
}

export const NO_SYSTEM_USE: SystemUse = { inline: Buffer.alloc(0), rest: Buffer.alloc(0) }

/** Length of the entry that says where the rest is. */
const CONTINUATION_BYTES = 28
const MOST_RECORD_BYTES = 254
/** A name is cut into entries of at most this size. */
const MOST_NAME_PIECE = 248

/** RRIP 1.09, 4.3: the sentence by which readers know Rock Ridge. */
const EXTENSION = [
  'RRIP_1991A',
  'THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS',
  'PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.',
] as const

/** For a folder's own record, `.`, and the one of its parent, `..`; the root's says that all this is Rock Ridge. */
export function folderSystemUse(folder: IsoNode, now: Date, rootItself: boolean): SystemUse {
  const attributes = [posix(folder), times(now)]
  return fit(34, rootItself ? [sharing(), ...attributes, extension()] : attributes)
}

/** For a child in its folder. `idBytes`: length of its ISO 9660 name, which leaves that much less room. */
export function childSystemUse(node: IsoNode, now: Date, idBytes: number): SystemUse {
  return fit(33 + idBytes + ((idBytes + 1) % 2), [posix(node), times(now), ...names(node.name)])
}

/** Puts as many entries into the record as fit, and leaves room there for the pointer to the others. */
function fit(usedBytes: number, entries: readonly Buffer[]): SystemUse {
  const room = MOST_RECORD_BYTES - usedBytes
  const all = Buffer.concat(entries)
  if (all.length <= room) return { inline: all, rest: Buffer.alloc(0) }
  let count = 0
  let bytes = 0
  for (const entry of entries) {
    if (bytes + entry.length > room - CONTINUATION_BYTES) break
    bytes += entry.length
    count++
  }
  return { inline: all.subarray(0, bytes), rest: Buffer.concat(entries.slice(count)) }
}

/** SUSP 5.3, SP: entries begin at once. */
function sharing(): Buffer {
  return suspEntry('SP', Buffer.from([0xbe, 0xef, 0]))
}

/** SUSP 5.5, ER. */
function extension(): Buffer {
  const texts = EXTENSION.map((text) => Buffer.from(text, 'latin1'))
  return suspEntry('ER', Buffer.concat([Buffer.from([...texts.map(({ length }) => length), 1]), ...texts]))
}

/** RRIP 4.1.1, PX: mode, links, owner and group: root's, nobody may write. */
function posix(node: IsoNode): Buffer {
  const folder = isFolder(node)
  const mode = folder ? 0o040555 : node.executable ? 0o100555 : 0o100444
  const links = folder ? 2 + node.children.filter(isFolder).length : 1
  return suspEntry('PX', Buffer.concat([both32(mode), both32(links), both32(0), both32(0)]))
}

/** RRIP 4.1.6, TF: times of modification, access and attributes. */
function times(now: Date): Buffer {
  const date = shortDate(now)
  return suspEntry('TF', Buffer.concat([Buffer.from([0b1110]), date, date, date]))
}

/** RRIP 4.1.4, NM: the flag says that another piece of the name follows. */
function names(name: string): Buffer[] {
  const bytes = Buffer.from(name)
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += MOST_NAME_PIECE) {
    const more = at + MOST_NAME_PIECE < bytes.length ? 1 : 0
    pieces.push(suspEntry('NM', Buffer.concat([Buffer.from([more]), bytes.subarray(at, at + MOST_NAME_PIECE)])))
  }
  return pieces
}

/** The sectors that take what does not fit into directory records. */
export class ContinuationArea {
  readonly #pieces: { readonly at: number; readonly bytes: Buffer }[] = []
  #end = 0

  get sectors(): number {
    return sectorsFor(this.#end)
  }

  /** Where this piece will stand, from the area's begin: readers look at one sector at a time, so it lies in one. */
  add(bytes: Buffer): number {
    if ((this.#end % SECTOR) + bytes.length > SECTOR) this.#end = sectorsFor(this.#end) * SECTOR
    const at = this.#end
    this.#pieces.push({ at, bytes })
    this.#end += bytes.length
    return at
  }

  writeTo(area: Buffer): void {
    for (const { at, bytes } of this.#pieces) bytes.copy(area, at)
  }
}

/** SUSP 5.1, CE: where the rest of a record's entries is. */
export function continuation(areaSector: number, at: number, length: number): Buffer {
  const places = [areaSector + Math.floor(at / SECTOR), at % SECTOR, length]
  return suspEntry('CE', Buffer.concat(places.map(both32)))
}

/** How many bytes these take in the directory record. */
export function inlineBytes({ inline, rest }: SystemUse): number {
  return inline.length + (rest.length > 0 ? CONTINUATION_BYTES : 0)
}

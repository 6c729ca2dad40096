import { SECTOR } from './fields.ts'
import { brokenIso } from './iso-bytes.ts'

/** ECMA-119 9.1: a file's or a folder's line in its folder. */
export interface DirectoryRecord {
  /** First block of its bytes. */
  readonly block: number
  readonly bytes: number
  readonly isFolder: boolean
  /** Nothing a reader would show: the second half of a Macintosh file. */
  readonly isAssociated: boolean
  /** More of the same file follows in the next record. */
  readonly goesOn: boolean
  /** Its bytes have gaps between them, which no software makes. */
  readonly isInterleaved: boolean
  readonly id: Buffer
  readonly systemUse: Buffer
}

const HEAD = 33

/** `bytes` are exactly one record. Throws RefusedError when it says to be something else. */
export function parseRecord(bytes: Buffer): DirectoryRecord {
  const idBytes = bytes.length > HEAD ? bytes.readUInt8(32) : 0
  if (bytes.length < HEAD + Math.max(1, idBytes)) throw brokenIso('a folder in it has an entry that is too short')
  const flags = bytes.readUInt8(25)
  return {
    block: bytes.readUInt32LE(2) + bytes.readUInt8(1),
    bytes: bytes.readUInt32LE(10),
    isFolder: (flags & 0x02) !== 0,
    isAssociated: (flags & 0x04) !== 0,
    goesOn: (flags & 0x80) !== 0,
    isInterleaved: bytes.readUInt8(26) !== 0 || bytes.readUInt8(27) !== 0,
    id: bytes.subarray(HEAD, HEAD + idBytes),
    systemUse: bytes.subarray(HEAD + idBytes + ((idBytes + 1) % 2)),
  }
}

/** The records of a folder. Throws RefusedError for one that goes over the end of its sector. */
export function* recordsOf(folder: Buffer): Generator<DirectoryRecord> {
  for (let start = 0; start < folder.length; start += SECTOR) {
    const sector = folder.subarray(start, start + SECTOR)
    for (let at = 0; at < sector.length;) {
      const length = sector.readUInt8(at)
      // The rest of the sector is empty.
      if (length === 0) break
      if (at + length > sector.length) throw brokenIso('a folder in it has an entry that is too long')
      yield parseRecord(sector.subarray(at, at + length))
      at += length
    }
  }
}

/** `.` and `..`: ECMA-119 6.8.2.2. */
export function isDots({ id }: DirectoryRecord): boolean {
  return id.length === 1 && id.readUInt8(0) <= 1
}

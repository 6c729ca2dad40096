import { RefusedError } from '../../base/errors.ts'
import { parseRecord, type DirectoryRecord } from './directory-record.ts'
import { SECTOR } from './fields.ts'
import { brokenIso, type IsoBytes } from './iso-bytes.ts'

/** Where an image's folders begin, in the tree with plain names, and in the one of Joliet when there is one. */
export interface IsoVolume {
  readonly label: string
  /** Bytes per block: the unit of all places in the image. */
  readonly block: number
  readonly root: DirectoryRecord
  readonly joliet: DirectoryRecord | undefined
}

const FIRST_DESCRIPTOR = 16
const MOST_DESCRIPTORS = 64
/** ECMA-119 8.5.6, as Joliet uses it: UCS-2 of level 1, 2 or 3. */
const JOLIET = ['%/@', '%/C', '%/E']

/** Reads the volume descriptors. Rejects with RefusedError when there are none: this is no ISO 9660 image. */
export async function readVolume(bytes: IsoBytes): Promise<IsoVolume> {
  let primary: Buffer | undefined
  let joliet: Buffer | undefined
  for (let sector = FIRST_DESCRIPTOR; sector < FIRST_DESCRIPTOR + MOST_DESCRIPTORS; sector++) {
    if ((sector + 1) * SECTOR > bytes.size) break
    const found = await bytes.describe(sector * SECTOR, SECTOR)
    const type = found.toString('latin1', 1, 6) === 'CD001' ? found.readUInt8(0) : 255
    if (type === 255) break
    if (type === 1) primary ??= found
    if (type === 2 && JOLIET.includes(found.toString('latin1', 88, 91))) joliet ??= found
  }
  if (primary === undefined) throw noIso()
  const block = primary.readUInt16LE(128)
  if (![512, 1024, 2048].includes(block)) throw brokenIso(`its blocks would have ${block} bytes`)
  return {
    label: primary.toString('utf8', 40, 72).replace(/[\0 ]+$/, ''),
    block,
    root: parseRecord(primary.subarray(156, 190)),
    joliet: joliet === undefined ? undefined : parseRecord(joliet.subarray(156, 190)),
  }
}

function noIso(): RefusedError {
  return new RefusedError({
    kind: 'iso-none',
    cause: 'This is no ISO 9660 image',
    cure: 'Choose a disk or a file that holds one',
  })
}

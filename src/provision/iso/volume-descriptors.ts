import { both16, both32, longDate, SECTOR, ucs2 } from './fields.ts'

/** What one of the two descriptors of a volume says: ECMA-119 8.4 and 8.5. */
export interface Volume {
  readonly label: string
  readonly sectors: number
  readonly pathTableBytes: number
  readonly littleTable: number
  readonly bigTable: number
  readonly rootRecord: Buffer
  readonly now: Date
}

/** Says "UCS-2, level 3" in a supplementary descriptor: that it is Joliet. */
const JOLIET_LEVEL_3 = '%/E'

export function primaryDescriptor(volume: Volume): Buffer {
  return descriptor(1, volume, (text, bytes) => Buffer.from(text.padEnd(bytes), 'latin1'))
}

export function jolietDescriptor(volume: Volume): Buffer {
  const sector = descriptor(2, volume, (text, bytes) => filledUcs2(text, bytes))
  sector.write(JOLIET_LEVEL_3, 88, 'latin1')
  return sector
}

export function terminator(): Buffer {
  const sector = Buffer.alloc(SECTOR)
  sector[0] = 255
  sector.write('CD001\x01', 1, 'latin1')
  return sector
}

function descriptor(type: number, volume: Volume, text: (text: string, bytes: number) => Buffer): Buffer {
  const sector = Buffer.alloc(SECTOR)
  const at = (offset: number, bytes: Buffer) => bytes.copy(sector, offset)
  sector[0] = type
  sector.write('CD001\x01', 1, 'latin1')
  at(8, text('LINUX', 32))
  at(40, text(volume.label, 32))
  at(80, both32(volume.sectors))
  at(120, both16(1))
  at(124, both16(1))
  at(128, both16(SECTOR))
  at(132, both32(volume.pathTableBytes))
  sector.writeUInt32LE(volume.littleTable, 140)
  sector.writeUInt32BE(volume.bigTable, 148)
  at(156, volume.rootRecord)
  // Names of the set, publisher, preparer and application, and of three files that say more: all empty.
  at(190, text('', 4 * 128))
  at(702, text('', 37))
  at(739, text('', 37))
  at(776, text('', 37))
  const none = Buffer.from('0'.repeat(16) + '\0', 'latin1')
  const made = longDate(volume.now)
  ;[made, made, none, made].forEach((date, index) => at(813 + 17 * index, date))
  sector[881] = 1
  return sector
}

/** Text in UCS-2, with spaces to its end; an odd last byte stays zero. */
function filledUcs2(text: string, bytes: number): Buffer {
  return Buffer.concat([ucs2(text.padEnd(Math.floor(bytes / 2)))], bytes)
}

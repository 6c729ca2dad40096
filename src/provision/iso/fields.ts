/** What ISO 9660 (ECMA-119) is made of: sectors, numbers in both byte orders, dates. */

export const SECTOR = 2048

export function sectorsFor(bytes: number): number {
  return Math.ceil(bytes / SECTOR)
}

/** ECMA-119 7.2.3: 16 bits, little endian and then big endian. */
export function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16LE(value, 0)
  bytes.writeUInt16BE(value, 2)
  return bytes
}

/** ECMA-119 7.3.3: 32 bits, little endian and then big endian. */
export function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(value, 0)
  bytes.writeUInt32BE(value, 4)
  return bytes
}

/** ECMA-119 9.1.5: the seven bytes of a date in a directory record; UTC. */
export function shortDate(date: Date): Buffer {
  const parts = [date.getUTCFullYear() - 1900, date.getUTCMonth() + 1, date.getUTCDate()]
  return Buffer.from([...parts, date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), 0])
}

/** ECMA-119 8.4.26.1: the 17 bytes of a date in a volume descriptor; UTC. */
export function longDate(date: Date): Buffer {
  const digits = date.toISOString().replace(/\D/g, '').slice(0, 16)
  return Buffer.concat([Buffer.from(digits, 'latin1'), Buffer.alloc(1)])
}

/** UCS-2, big endian: Joliet's text. */
export function ucs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

/** A piece of a directory record's system use area (SUSP): two letters, length, version, content. */
export function suspEntry(letters: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(letters, 'latin1'), Buffer.from([content.length + 4, 1]), content])
}

import { brokenIso, type IsoBytes } from './iso-bytes.ts'

/** What Rock Ridge says of a record. */
export interface RockRidge {
  /** undefined: the plain name is the only one. */
  readonly name: string | undefined
  /** The file type bits of its mode; undefined: none are told. */
  readonly type: number | undefined
  /** A folder that stands elsewhere, since it would have been too deep: its first block. */
  readonly relocatedTo: number | undefined
  /** This is such a folder, and it is shown where it belongs. */
  readonly isRelocated: boolean
  readonly isCompressed: boolean
  /** Whether any of this was found. */
  readonly known: boolean
}

const MOST_CONTINUATIONS = 16
const MOST_NAME_BYTES = 1024

/**
 * Reads a record's system use area (SUSP, RRIP) and what continues it elsewhere. `skip`: bytes of others at its begin.
 * Rejects with RefusedError when it leads out of the image or in a circle.
 */
export async function readRockRidge(
  systemUse: Buffer,
  skip: number,
  block: number,
  bytes: IsoBytes,
): Promise<RockRidge> {
  const name: Buffer[] = []
  const found = { type: undefined as number | undefined, relocatedTo: undefined as number | undefined }
  const letters = new Set<string>()
  let area: Buffer | undefined = systemUse.subarray(skip)
  for (let continuations = 0; area !== undefined; continuations++) {
    if (continuations > MOST_CONTINUATIONS) throw brokenIso('the description of a file in it has no end')
    let next: Promise<Buffer> | undefined
    for (const entry of entriesOf(area)) {
      bytes.step()
      letters.add(entry.letters)
      if (entry.letters === 'NM' && entry.content.length > 1) name.push(entry.content.subarray(1))
      if (entry.letters === 'PX' && entry.content.length >= 4) found.type = entry.content.readUInt32LE(0) & 0o170000
      if (entry.letters === 'CL' && entry.content.length >= 4) found.relocatedTo = entry.content.readUInt32LE(0)
      if (entry.letters === 'CE' && entry.content.length >= 24) next ??= continued(entry.content, block, bytes)
    }
    area = await next
  }
  const whole = Buffer.concat(name)
  if (whole.length > MOST_NAME_BYTES) throw brokenIso('a name in it has no end')
  return {
    ...found,
    name: whole.length > 0 ? whole.toString() : undefined,
    isRelocated: letters.has('RE'),
    isCompressed: letters.has('ZF'),
    known: letters.has('PX') || letters.has('RR') || letters.has('NM'),
  }
}

/** SUSP 5.3: bytes to skip in every record but the root's own, or undefined when there is no such thing as SUSP here. */
export function sharingSkip(rootSystemUse: Buffer): number | undefined {
  if (rootSystemUse.length < 7 || rootSystemUse.toString('latin1', 0, 2) !== 'SP') return undefined
  return rootSystemUse.readUInt16BE(4) === 0xbeef ? rootSystemUse.readUInt8(6) : undefined
}

/** SUSP 4.1. What is no entry ends the list, as fillers do. */
function* entriesOf(area: Buffer): Generator<{ letters: string; content: Buffer }> {
  for (let at = 0; at + 4 <= area.length;) {
    const length = area.readUInt8(at + 2)
    const letters = area.toString('latin1', at, at + 2)
    if (length < 4 || at + length > area.length || letters === 'ST') return
    yield { letters, content: area.subarray(at + 4, at + length) }
    at += length
  }
}

async function continued(content: Buffer, block: number, bytes: IsoBytes): Promise<Buffer> {
  const at = content.readUInt32LE(0) * block + content.readUInt32LE(8)
  const length = content.readUInt32LE(16)
  const sector = await bytes.sectorAt(at)
  const from = at - sector.offset
  if (from + length > sector.bytes.length) throw brokenIso('the description of a file in it goes over a sector')
  return sector.bytes.subarray(from, from + length)
}

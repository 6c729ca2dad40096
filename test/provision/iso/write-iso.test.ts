import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { bufferSource } from '../../../src/provision/iso/byte-source.ts'
import { parseRecord, recordsOf } from '../../../src/provision/iso/directory-record.ts'
import { readIso } from '../../../src/provision/iso/read-iso.ts'
import { writeIso, type IsoEntry } from '../../../src/provision/iso/write-iso.ts'
import { contents, HARD_FILES, NOW } from './sample-files.ts'

const SECTOR = 2048

function image(files: readonly IsoEntry[], label = 'config-2'): Buffer {
  return writeIso({ label, files, now: NOW })
}

function file(path: string): IsoEntry {
  return { path, data: Buffer.from(path) }
}

/** Every file with its bytes, as our reader finds them. */
async function readBack(bytes: Buffer): Promise<Record<string, string>> {
  const iso = await readIso(bufferSource(bytes))
  const files = iso.files.map(async ({ path }) => ({ path, data: (await iso.read(path, 1 << 20)) ?? Buffer.alloc(0) }))
  return contents(await Promise.all(files))
}

/** The names in the root folder of the tree whose descriptor is in this sector, with their records. */
function rootNames(bytes: Buffer, descriptor: number, decode: (id: Buffer) => string): string[] {
  const root = parseRecord(bytes.subarray(descriptor * SECTOR + 156, descriptor * SECTOR + 190))
  const folder = bytes.subarray(root.block * SECTOR, root.block * SECTOR + root.bytes)
  return [...recordsOf(folder)].slice(2).map(({ id }) => decode(id))
}

const latin = (id: Buffer) => id.toString('latin1')
const ucs2 = (id: Buffer) => Buffer.from(id).swap16().toString('utf16le')

describe('an image', () => {
  test('gives back what was put into it', async () => {
    expect(await readBack(image(HARD_FILES))).toEqual(contents(HARD_FILES))
  })

  test('is the same for the same input, and its time stamps are those that it was given', () => {
    expect(image(HARD_FILES).equals(image(HARD_FILES))).toBe(true)
    const later = writeIso({ label: 'config-2', files: HARD_FILES, now: new Date('2027-01-02T03:04:05Z') })
    expect(image(HARD_FILES).equals(later)).toBe(false)
    expect(later.toString('latin1', 16 * SECTOR + 813, 16 * SECTOR + 829)).toBe('2027010203040500')
  })

  test('has its label in both descriptors', async () => {
    const bytes = image([file('a')])
    expect((await readIso(bufferSource(bytes))).label).toBe('config-2')
    expect(bytes.toString('latin1', 16 * SECTOR + 40, 16 * SECTOR + 72)).toBe('config-2'.padEnd(32))
    expect(ucs2(bytes.subarray(17 * SECTOR + 40, 17 * SECTOR + 72))).toBe('config-2'.padEnd(16))
  })

  test('has plain names of eight and three characters, and none of them twice', () => {
    const names = ['user_data.template', 'user_data.templates', 'user-data.tem', 'README', '.hidden', 'a.tar.gz', 'x.']
    const found = rootNames(image([...names.map(file), file('a folder/a')]), 16, latin)
    expect(found).toHaveLength(names.length + 1)
    expect(new Set(found).size).toBe(found.length)
    for (const name of found) expect(name).toMatch(/^(?:[A-Z0-9_]{1,8}\.[A-Z0-9_]{0,3};1|A_FOLDER)$/)
    expect(found).toContain('README.;1')
  })

  test('has hundreds of names that are alike in 8.3, each one once', () => {
    const files = Array.from({ length: 500 }, (_, index) => file(`one and the same ${index}.text`))
    expect(new Set(rootNames(image(files), 16, latin)).size).toBe(500)
  })

  test('has its plain names in the order of ECMA-119, as if filled up with spaces', () => {
    const found = rootNames(image(['aa', 'a0', 'a.b', 'a'].map(file)), 16, latin)
    expect(found).toEqual(['A.;1', 'A.B;1', 'A0.;1', 'AA.;1'])
  })

  test('has a place of its own for each file, also for empty ones: some take files of one place for one', () => {
    const empty = ['a', 'b', 'c'].map((path) => ({ path, data: Buffer.alloc(0) }))
    const bytes = image(empty)
    const root = parseRecord(bytes.subarray(16 * SECTOR + 156, 16 * SECTOR + 190))
    const records = [...recordsOf(bytes.subarray(root.block * SECTOR, (root.block + 1) * SECTOR))]
    expect(new Set(records.slice(2).map(({ block }) => block)).size).toBe(3)
  })

  test('has Joliet names of at most 64 characters without those that Joliet forbids', () => {
    const long = 'x'.repeat(100)
    const found = rootNames(
      image([file(`${long}1`), file(`${long}2`), file(`${long}.txt`), file('a*b:c?.d')]),
      17,
      ucs2,
    )
    expect(found.map((name) => name.length)).toEqual([8, 64, 64, 64])
    expect(new Set(found).size).toBe(4)
    expect(found[0]).toBe('a_b_c_.d')
    expect(found.some((name) => name.endsWith('.txt'))).toBe(true)
  })

  test('names its folders in the path tables of both byte orders as the folders do', () => {
    const bytes = image(HARD_FILES)
    for (const descriptor of [16, 17]) {
      const at = descriptor * SECTOR
      const size = bytes.readUInt32LE(at + 132)
      expect(bytes.readUInt32BE(at + 136)).toBe(size)
      const little = bytes.subarray(bytes.readUInt32LE(at + 140) * SECTOR).subarray(0, size)
      const big = bytes.subarray(bytes.readUInt32BE(at + 148) * SECTOR).subarray(0, size)
      let folders = 0
      for (let entry = 0; entry < size; folders++) {
        const length = little.readUInt8(entry)
        const sector = little.readUInt32LE(entry + 2)
        expect(big.readUInt32BE(entry + 2)).toBe(sector)
        expect(big.readUInt16BE(entry + 6)).toBe(little.readUInt16LE(entry + 6))
        // The folder's own record, `.`, says where it is.
        expect(parseRecord(bytes.subarray(sector * SECTOR, sector * SECTOR + 34)).block).toBe(sector)
        entry += 8 + length + (length % 2)
      }
      expect(folders).toBe(1 + 2 + 1 + 7 + 1 + 1 + 1 + 1)
    }
  })

  test('says the same in both byte orders in every record', () => {
    const bytes = image(HARD_FILES)
    const root = parseRecord(bytes.subarray(16 * SECTOR + 156, 16 * SECTOR + 190))
    let records = 0
    for (let at = root.block * SECTOR; bytes[at] !== 0; at += bytes.readUInt8(at)) {
      expect(bytes.readUInt32BE(at + 6)).toBe(bytes.readUInt32LE(at + 2))
      expect(bytes.readUInt32BE(at + 14)).toBe(bytes.readUInt32LE(at + 10))
      records++
    }
    expect(records).toBe(2 + 7)
  })
})

describe('what no image can hold is refused', () => {
  test.each([
    ['a folder too deep', 'a/b/c/d/e/f/g/h/file', /more than 7 folders deep/],
    ['a name too long', 'n'.repeat(256), /over 255 bytes/],
    ['a name too long in UTF-8', 'ü'.repeat(128), /over 255 bytes/],
    ['an empty name', 'a//b', /"" for a name/],
    ['a full path', '/etc/passwd', /"" for a name/],
    ['a way out', 'a/../b', /"\.\." for a name/],
    ['a zero byte', 'a\0b', /zero byte/],
    ['half a character', 'a\uD800', /half a character/],
  ])('%s', (_, path, why) => {
    expect(() => image([file(path)])).toThrow(RefusedError)
    expect(() => image([file(path)])).toThrow(why)
  })

  test('the same path twice', () => {
    expect(() => image([file('a/b'), file('a/b')])).toThrow(
      /"a\/b" cannot be put on an ISO image: its path is there twice/,
    )
  })

  test('a folder where there is a file', () => {
    expect(() => image([file('a'), file('a/b')])).toThrow(/needs a folder where there is a file, "a"/)
    expect(() => image([file('a/b'), file('a')])).toThrow(/is there twice/)
  })

  test('more than fits into memory', () => {
    const data = Buffer.alloc(129 << 20)
    expect(() => image([{ path: 'a', data }, { path: 'b', data }])).toThrow(/too much for an ISO image/) // prettier-ignore
  })

  test.each(['', 'x'.repeat(17), 'ü', 'a\n'])('the label %j', (label) => {
    expect(() => image([file('a')], label)).toThrow(/1 to 16 plain characters/)
  })
})

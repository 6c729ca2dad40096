import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { parseRecord } from '../../../src/provision/iso/directory-record.ts'
import { readIso } from '../../../src/provision/iso/read-iso.ts'
import { writeIso } from '../../../src/provision/iso/write-iso.ts'
import { HARD_FILES, NOW } from './sample-files.ts'
import { WatchedSource } from './watched-source.ts'

const SECTOR = 2048

function sample(): Buffer {
  return writeIso({ label: 'config-2', files: HARD_FILES, now: NOW })
}

/** Where in the image the record of this name, as plain names go, begins. */
function recordAt(bytes: Buffer, name: string): number {
  const at = bytes.indexOf(Buffer.from(name, 'latin1'), rootSector(bytes) * SECTOR)
  expect(at).toBeGreaterThan(0)
  return at - 33
}

function rootSector(bytes: Buffer): number {
  return parseRecord(bytes.subarray(16 * SECTOR + 156, 16 * SECTOR + 190)).block
}

async function fails(bytes: Buffer): Promise<RefusedError> {
  const source = new WatchedSource(bytes)
  const error: unknown = await readIso(source).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(source.outside).toEqual([])
  expect(error).toBeInstanceOf(RefusedError)
  return error as RefusedError
}

describe('what follows an image, or is missing of it', () => {
  test('padding up to the size of a disk does not matter', async () => {
    const iso = await readIso(new WatchedSource(Buffer.concat([sample(), Buffer.alloc(3 << 20, 0xff)])))
    expect(iso.files).toHaveLength(HARD_FILES.length)
    expect(await iso.read('openstack/latest/user_data', 100)).toEqual(Buffer.from('#cloud-config\n'))
  })

  test('an empty disk is no image, nor is one that is too small', async () => {
    expect((await fails(Buffer.alloc(1 << 20))).diagnosis.kind).toBe('iso-none')
    expect((await fails(Buffer.alloc(100))).diagnosis.kind).toBe('iso-none')
    expect((await fails(Buffer.alloc(0))).diagnosis.kind).toBe('iso-none')
  })

  test('an image that is cut off in its folders is damaged', async () => {
    expect((await fails(sample().subarray(0, 24 * SECTOR))).diagnosis.kind).toBe('iso-broken')
  })

  test('a file that is cut off is told when it is read, and others can be', async () => {
    const whole = sample()
    const source = new WatchedSource(whole.subarray(0, whole.length - 160 * SECTOR))
    const iso = await readIso(source)
    expect(await iso.read('openstack/latest/user_data', 100)).toEqual(Buffer.from('#cloud-config\n'))
    await expect(iso.read('sizes/70000', 1 << 20)).rejects.toThrow(/past its end/)
    expect(source.outside).toEqual([])
  })
})

describe('reading a file', () => {
  test('one that is not there gives nothing, and neither does a folder', async () => {
    const iso = await readIso(new WatchedSource(sample()))
    expect(await iso.read('openstack/latest/meta_data.json', 100)).toBeUndefined()
    expect(await iso.read('openstack', 100)).toBeUndefined()
    expect(await iso.read('__proto__', 100)).toBeUndefined()
  })

  test('one that is larger than wanted is refused before it is read', async () => {
    const source = new WatchedSource(sample())
    const iso = await readIso(source)
    const before = source.asked
    await expect(iso.read('sizes/70000', 69_999)).rejects.toThrow(
      '"sizes/70000" on the ISO image has 70000 bytes, more than the 69999 that are expected at most',
    )
    expect(source.asked).toBe(before)
  })

  test('one that claims to be huge is refused', async () => {
    const bytes = sample()
    bytes.writeUInt32LE(0xffffffff, recordAt(bytes, '70000.;1') + 10)
    const iso = await readIso(new WatchedSource(bytes))
    await expect(iso.read('sizes/70000', 1 << 20)).rejects.toThrow(/has 4294967295 bytes/)
    await expect(iso.read('sizes/70000', 2 ** 40)).rejects.toThrow(/past its end/)
  })
})

describe('files that are not as usual', () => {
  const two = [
    { path: 'A', data: Buffer.from('first ') },
    { path: 'B', data: Buffer.from('second') },
  ]

  test('one in several parts is put together', async () => {
    const bytes = writeIso({ label: 'x', files: two, now: NOW })
    bytes[recordAt(bytes, 'A.;1') + 25] = 0x80
    const iso = await readIso(new WatchedSource(bytes))
    expect(iso.files).toEqual([{ path: 'B', size: 12 }])
    expect((await iso.read('B', 12))?.toString()).toBe('first second')
    await expect(iso.read('B', 11)).rejects.toThrow('has 12 bytes')
  })

  test('the second half of a Macintosh file is none', async () => {
    const bytes = writeIso({ label: 'x', files: two, now: NOW })
    bytes[recordAt(bytes, 'A.;1') + 25] = 0x04
    expect((await readIso(new WatchedSource(bytes))).files.map(({ path }) => path)).toEqual(['B'])
  })

  test('one with gaps between its parts is not given as if it had none', async () => {
    const bytes = writeIso({ label: 'x', files: two, now: NOW })
    bytes[recordAt(bytes, 'A.;1') + 26] = 1
    const iso = await readIso(new WatchedSource(bytes))
    await expect(iso.read('A', 100)).rejects.toThrow('"A" on the ISO image cannot be read: it is interleaved')
  })
})

describe('an image that leads astray', () => {
  test('a folder that contains itself is looked at once', async () => {
    const bytes = sample()
    bytes.writeUInt32LE(rootSector(bytes), recordAt(bytes, 'AGENT') + 2)
    const iso = await readIso(new WatchedSource(bytes))
    expect(iso.files.map(({ path }) => path)).not.toContain('agent/agent')
    expect(iso.files).toHaveLength(HARD_FILES.length - 3)
  })

  test('a folder past the end of the image', async () => {
    const bytes = sample()
    bytes.writeUInt32LE(0xfffffff0, recordAt(bytes, 'AGENT') + 2)
    expect((await fails(bytes)).message).toContain('a part of it would lie past its end')
  })

  test('a folder of gigabytes', async () => {
    const bytes = sample()
    bytes.writeUInt32LE(0x7fffffff, recordAt(bytes, 'AGENT') + 10)
    expect((await fails(bytes)).message).toContain('a folder in it would be huge')
  })

  test('folders that lie upon one another are not read without end', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `FOLDER${String.fromCharCode(65 + index)}`)
    const files = names.map((name) => ({ path: `${name}/file`, data: Buffer.alloc(0) }))
    const bytes = writeIso({ label: 'x', files, now: NOW })
    names.forEach((name, index) => {
      bytes.writeUInt32LE(bytes.length / SECTOR + index, recordAt(bytes, name) + 2)
      bytes.writeUInt32LE(8 << 20, recordAt(bytes, name) + 10)
    })
    // Zeros are no entries: only the reading itself costs.
    const error = await fails(Buffer.concat([bytes, Buffer.alloc(9 << 20)]))
    expect(error.message).toContain('its folders have no end')
  })

  test('an entry that goes over its sector', async () => {
    const bytes = sample()
    const folder = bytes.readUInt32LE(recordAt(bytes, 'MANY') + 2) * SECTOR
    let end = folder
    while (bytes.readUInt8(end) !== 0) end += bytes.readUInt8(end)
    bytes[end] = 255
    expect(end + 255).toBeGreaterThan(folder + SECTOR)
    expect((await fails(bytes)).message).toContain('a folder in it has an entry that is too long')
  })

  test('a description of a file that continues in itself', async () => {
    const bytes = sample()
    const at = bytes.indexOf(Buffer.from('CE\x1c\x01', 'latin1'), recordAt(bytes, 'NNNNNNNN.;1'))
    const sector = bytes.readUInt32LE(at + 4)
    // It leads to where it stands: the same pointer again.
    bytes.writeUInt32LE(Math.floor(at / SECTOR), at + 4)
    bytes.writeUInt32LE(at % SECTOR, at + 12)
    bytes.writeUInt32LE(28, at + 20)
    expect(sector).toBeGreaterThan(0)
    expect((await fails(bytes)).message).toContain('has no end')
  })

  test('descriptions that are long, in a few bytes that are told again for each file', async () => {
    const files = Array.from({ length: 200 }, (_, i) => ({ path: `${i}-${'n'.repeat(200)}`, data: Buffer.alloc(0) }))
    const image = writeIso({ label: 'x', files, now: NOW })
    const bytes = Buffer.concat([image, Buffer.alloc(SECTOR)])
    // 15 areas in one sector: each begins with a pointer to the next, and all have the same 400 entries after these.
    const area = bytes.subarray(image.length)
    for (let at = 15 * 28; at + 4 <= SECTOR; at += 4) area.write('AA\x04\x01', at, 'latin1')
    const point = (at: Buffer, offset: number) => {
      at.write('CE\x1c\x01', 0, 'latin1')
      at.writeUInt32LE(image.length / SECTOR, 4)
      at.writeUInt32LE(offset, 12)
      at.writeUInt32LE(SECTOR - offset, 20)
    }
    for (let i = 0; i < 15; i++) point(area.subarray(28 * i), 28 * (i + 1))
    for (let at = bytes.indexOf('CE\x1c\x01', 17 * SECTOR, 'latin1'); at < image.length;) {
      point(bytes.subarray(at), 0)
      at = bytes.indexOf('CE\x1c\x01', at + 28, 'latin1')
    }
    expect((await fails(bytes)).message).toContain('its folders have no end')
  })

  test('paths that are long, in few bytes: each file is in a folder of long names', async () => {
    const folder = Array.from({ length: 7 }, () => 'f'.repeat(255)).join('/')
    const files = Array.from({ length: 10_000 }, (_, i) => ({ path: `${folder}/${i}`, data: Buffer.alloc(0) }))
    const error = await fails(writeIso({ label: 'x', files, now: NOW }))
    expect(error.message).toContain('the paths in it have no end')
  })

  test('a description of a file that continues past the end', async () => {
    const bytes = sample()
    const at = bytes.indexOf(Buffer.from('CE\x1c\x01', 'latin1'), recordAt(bytes, 'NNNNNNNN.;1'))
    bytes.writeUInt32LE(0xffffffff, at + 4)
    expect((await fails(bytes)).message).toContain('a part of it would lie past its end')
  })

  test('a name that would lead out of where it stands is left out', async () => {
    const bytes = sample()
    const at = bytes.indexOf(Buffer.from('NM\x0e\x01\x00xe-daemon', 'latin1'))
    bytes.write('../daemon', at + 5, 'latin1')
    const iso = await readIso(new WatchedSource(bytes))
    expect(iso.files).toHaveLength(HARD_FILES.length - 1)
    expect(iso.files.every(({ path }) => !path.includes('..'))).toBe(true)
  })

  test('blocks of a size that no image has', async () => {
    const bytes = sample()
    bytes.writeUInt16LE(0, 16 * SECTOR + 128)
    expect((await fails(bytes)).message).toContain('its blocks would have 0 bytes')
  })

  test('endless descriptors', async () => {
    const bytes = sample()
    const many = Buffer.concat([bytes.subarray(0, 16 * SECTOR), ...Array<Buffer>(5000).fill(bytes.subarray(17 * SECTOR, 18 * SECTOR))]) // prettier-ignore
    const source = new WatchedSource(many)
    await expect(readIso(source)).rejects.toThrow('This is no ISO 9660 image')
    expect(source.asked).toBeLessThan(100 * SECTOR)
  })
})

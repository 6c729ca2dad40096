import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { readIso } from '../../../src/provision/iso/read-iso.ts'
import { writeIso } from '../../../src/provision/iso/write-iso.ts'
import { contents, NOW, patterned } from './sample-files.ts'
import { WatchedSource } from './watched-source.ts'
import { holds } from '../../fuzz/holds.ts'

/** Small, so that changes hit what describes it. */
const IMAGE = writeIso({
  label: 'config-2',
  now: NOW,
  files: [
    { path: 'openstack/latest/user_data', data: patterned(3000, 1) },
    { path: 'a/b/c', data: patterned(10, 2) },
    { path: 'n'.repeat(200), data: patterned(10, 3) },
  ],
})

/** What a reader may look at of an image of this size: each folder once, what is elsewhere a few times. */
const MOST_READ = 64 << 20

/** Opens it, and reads all that it says to have. */
async function readAll(bytes: Buffer): Promise<WatchedSource> {
  const source = new WatchedSource(bytes)
  try {
    const iso = await readIso(source)
    for (const { path } of iso.files.slice(0, 50)) {
      await iso.read(path, 1 << 20).catch((error: unknown) => expect(error).toBeInstanceOf(RefusedError))
    }
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedError)
  }
  return source
}

test('whatever bytes are changed, the reader stays within the image and ends', async () => {
  const changes = fc.array(fc.tuple(fc.nat(IMAGE.length - 16 * 2048 - 1), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 12,
  })
  await holds(
    fc.asyncProperty(changes, async (list) => {
      const bytes = Buffer.from(IMAGE)
      for (const [at, value] of list) bytes[16 * 2048 + at] = value
      const source = await readAll(bytes)
      expect(source.outside).toEqual([])
      expect(source.asked).toBeLessThan(MOST_READ)
    }),
    { numRuns: 800 },
  )
})

test('whatever 32-bit number is changed, and wherever the image is cut off', async () => {
  const places = fc.tuple(
    fc.nat(IMAGE.length / 2 - 16 * 1024 - 2),
    fc.constantFrom(0, 1, 16, 19, 25, 2 ** 31, 2 ** 32 - 1),
  )
  await holds(
    fc.asyncProperty(fc.array(places, { maxLength: 4 }), fc.nat(IMAGE.length), async (list, end) => {
      const bytes = Buffer.from(IMAGE)
      for (const [at, value] of list) bytes.writeUInt32LE(value, 16 * 2048 + 2 * at)
      const source = await readAll(end % 2 === 0 ? bytes : bytes.subarray(0, end))
      expect(source.outside).toEqual([])
      expect(source.asked).toBeLessThan(MOST_READ)
    }),
    { numRuns: 800 },
  )
})

test('whatever files an image is made of, they are in it', async () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter(
      (text) => !/[/\0\p{Surrogate}]/u.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) < 250,
    )
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
  const file = fc.record({ path, data: fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)) })
  const tree = fc
    .uniqueArray(file, { selector: (entry) => entry.path, maxLength: 30 })
    .filter((files) => !files.some((a) => files.some((b) => b.path.startsWith(`${a.path}/`))))
  await holds(
    fc.asyncProperty(tree, async (files) => {
      const iso = await readIso(new WatchedSource(writeIso({ label: 'x', files, now: NOW })))
      const found = await Promise.all(
        iso.files.map(async ({ path: at }) => ({ path: at, data: (await iso.read(at, 5000)) ?? Buffer.alloc(0) })),
      )
      expect(contents(found)).toEqual(contents(files))
    }),
    { numRuns: 100 },
  )
})

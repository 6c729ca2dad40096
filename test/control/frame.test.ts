import { describe, expect, test } from 'vitest'
import { encodeFrame, readFrames, readJson } from '../../src/control/frame.ts'

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(bytes: Buffer, size: number, most = 1000): Promise<[number, string][]> {
  const frames: [number, string][] = []
  for await (const { type, data } of readFrames(pieces(bytes, size), most)) frames.push([type, data.toString()])
  return frames
}

describe('frames', () => {
  const bytes = Buffer.concat([encodeFrame(1, 'grüße'), encodeFrame(255), encodeFrame(7, Buffer.from([0, 255, 10]))])

  test('are length, type and data', () => {
    expect(encodeFrame(4, 'ü').toString('hex')).toBe('0000000204c3bc')
  })

  test.each([1, 2, 3, 5, 6, 7, 1000])('come out whole when they arrive %i bytes at a time', async (size) => {
    expect(await read(bytes, size)).toEqual([
      [1, 'grüße'],
      [255, ''],
      [7, Buffer.from([0, 255, 10]).toString()],
    ])
  })

  test('one that is cut off never comes', async () => {
    expect(await read(bytes.subarray(0, bytes.length - 1), 4)).toHaveLength(2)
  })

  test('may have so many bytes, and not one more; what is too long is refused before it has come', async () => {
    expect(await read(encodeFrame(1, 'x'.repeat(1000)), 300)).toHaveLength(1)
    await expect(read(encodeFrame(1, 'x'.repeat(1001)).subarray(0, 5), 300)).rejects.toMatchObject({
      diagnosis: { kind: 'control-protocol' },
    })
  })
})

test.each(['', 'x', '1', 'null', '[]', '"x"', '{"a":', '\u0000'])('%j is no message', (text) => {
  expect(() => readJson(Buffer.from(text))).toThrow(/On the control socket came/)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineSplitter } from '../../src/engine/line-splitter.ts'
import { holds } from '../fuzz/holds.ts'

const tooLong = () => new Error('too long')

function split(chunks: readonly Buffer[], maxBytes = 1000): string[] {
  const splitter = new LineSplitter(maxBytes, tooLong)
  return chunks.flatMap((chunk) => [...splitter.push(chunk)])
}

it.each([
  [['a\nb\n'], ['a', 'b']],
  [['a\r\nb\r\n'], ['a', 'b']],
  [['a', 'b', '\n'], ['ab']],
  [
    ['a\r', '\nb\n'],
    ['a', 'b'],
  ],
  [['\n\n \n'], []],
  [['unfinished'], []],
])('%j gives %j', (chunks, lines) => {
  expect(split(chunks.map((chunk) => Buffer.from(chunk)))).toEqual(lines)
})

it('gives the same lines wherever the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => `<${text.replace(/\s/g, '')}>`)
  holds(
    fc.property(fc.array(line), fc.array(fc.nat(200)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      const places = [...new Set(cuts)].sort((a, b) => a - b)
      const chunks = [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
      expect(split(chunks, 10_000)).toEqual(lines)
    }),
  )
})

it.each([[['123456789\n']], [['12345', '6789']], [['ok\n12345678', '9']]])(
  'refuses %j with 8 bytes a line',
  (chunks) => {
    expect(() =>
      split(
        chunks.map((chunk) => Buffer.from(chunk)),
        8,
      ),
    ).toThrow('too long')
  },
)

it('takes any number of lines that are each within the limit', () => {
  expect(split([Buffer.from('12345678\n'.repeat(1000))], 8)).toHaveLength(1000)
})

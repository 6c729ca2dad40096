import { expect, test } from 'vitest'
import { hasMoreValues } from '../../src/engine/json-values.ts'

const many = (text: string, times: number) => Buffer.from(`[${text.repeat(times)}0]`)

test.each([
  ['objects', '{},'],
  ['lists', '[],'],
  ['numbers', '1,'],
  ['texts', '"",'],
])('many %s are told by their number, not by their bytes', (_, text) => {
  expect(hasMoreValues(many(text, 100_000), 100_000)).toBe(true)
  expect(hasMoreValues(many(text, 40_000), 100_000)).toBe(false)
})

test('depth counts, and long texts do not', () => {
  expect(hasMoreValues(Buffer.from('['.repeat(100_000)), 99_999)).toBe(true)
  expect(hasMoreValues(Buffer.alloc(1_000_000, 'x'), 1)).toBe(false)
})

test('what is short is not worth looking at', () => {
  expect(hasMoreValues(many('1,', 1000), 10)).toBe(false)
})

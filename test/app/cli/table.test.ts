import { describe, expect, test } from 'vitest'
import { ago, jsonText, table } from '../../../src/app/cli/table.ts'
import { STEERING } from './fixtures.ts'

const NASTY = 'a\u001b[2J\r\nb\u009b31m\u202Ec\0\u2028d'

describe('table', () => {
  test('columns as wide as their widest cell, two blanks between, the last one not padded', () => {
    expect(
      table(
        ['A', 'LONG', 'C'],
        [
          ['1', '2', '3'],
          ['wide one', '', 'x'],
        ],
      ),
    ).toBe('A         LONG  C\n1         2     3\nwide one        x\n')
  })

  test('cells and titles cannot steer the terminal or make lines of their own', () => {
    const text = table(['A', NASTY], [[NASTY, 'ok']])
    expect(text).not.toMatch(STEERING)
    expect(text.split('\n')).toHaveLength(3)
  })
})

describe('jsonText', () => {
  test('is the same value when read back, and cannot steer the terminal', () => {
    const value = { [NASTY]: [NASTY, 1, null, { a: 'ü😀' }] }
    const text = jsonText(value)
    expect(JSON.parse(text)).toEqual(value)
    expect(text).not.toMatch(STEERING)
    expect(text).toContain('ü😀')
    expect(text.endsWith('\n')).toBe(true)
  })
})

test.each([
  [-5000, 'just now'],
  [0, 'just now'],
  [999, 'just now'],
  [1000, '1 second ago'],
  [59_999, '59 seconds ago'],
  [60_000, '1 minute ago'],
  [7_200_000, '2 hours ago'],
  [86_400_000, '1 day ago'],
  [1e12, '11574 days ago'],
  [NaN, 'just now'],
])('%d ms is %s', (ms, words) => {
  expect(ago(ms)).toBe(words)
})

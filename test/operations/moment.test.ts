import { describe, expect, it } from 'vitest'
import { diagnosisOf } from '../../src/base/errors.ts'
import { moment } from '../../src/operations/moment.ts'

const NOW = Date.parse('2026-03-01T12:00:00.500Z')
const seconds = (text: string) => Date.parse(text) / 1000

describe('a moment', () => {
  it.each([
    ['1767225600', 1_767_225_600],
    ['1767225600.75', 1_767_225_600],
    ['0', 0],
    ['2026-01-31T12:00:00Z', seconds('2026-01-31T12:00:00Z')],
    ['2026-01-31T12:00:00.123456789+02:00', seconds('2026-01-31T10:00:00Z')],
    ['2026-01-31T12:00:00', seconds('2026-01-31T12:00:00Z')],
    ['2026-01-31 12:00', seconds('2026-01-31T12:00:00Z')],
    ['2026-01-31', seconds('2026-01-31T00:00:00Z')],
    ['10m', seconds('2026-03-01T11:50:00Z')],
    ['1h30m', seconds('2026-03-01T10:30:00Z')],
    ['45s', seconds('2026-03-01T11:59:15Z')],
    ['2d', seconds('2026-02-27T12:00:00Z')],
    ['999999999d', 0],
  ])('is %s', (text, expected) => expect(moment('since', text, NOW)).toBe(expected))

  it.each([
    ...['', 'yesterday', '-5', '10x', 'm', '10 m', '1e9', '10m ', '2026-13-01', '2026-01-31T25:00:00Z'],
    ...['2026-01-31T12:00:00Z\n', '&tail=all', '9'.repeat(400), '1m'.repeat(9) + 'x'],
  ])('is not %j', (text) => {
    let error: unknown
    try {
      moment('since', text, NOW)
    } catch (thrown) {
      error = thrown
    }
    expect(diagnosisOf(error).kind).toBe('bad-argument')
    expect(String(error)).toContain('such as 10m')
  })
})

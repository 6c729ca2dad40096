import { describe, expect, test } from 'vitest'
import { LogCleaner } from '../../../src/app/cli/clean-log.ts'

function cleaned(...parts: (string | Buffer)[]): string {
  const cleaner = new LogCleaner()
  return parts.map((part) => cleaner.clean(Buffer.from(part as string))).join('') + cleaner.end()
}

describe('LogCleaner', () => {
  test('lines, tabs, blanks and all letters stay', () => {
    const text = '  at x (y.js:1)\n\tindented   more\nüñ😀\n\n'
    expect(cleaned(text)).toBe(text)
  })

  test.each([
    ['a colour', '\u001b[31mred\u001b[0m\n', 'red\n'],
    ['a window title', '\u001b]0;owned\u0007text\n', 'text\n'],
    ['a clear screen', 'a\u001b[2J\u001b[Hb\n', 'ab\n'],
    ['a C1 control', 'a\u009b31mb\n', 'ab\n'],
    ['line ends of a terminal', 'a\r\nb\r\n', 'a\nb\n'],
    ['a bell', 'a\u0007b\n', 'a\uFFFDb\n'],
    ['text that turns its direction', 'a\u202Eb\n', 'a\uFFFDb\n'],
  ])('%s goes, also when cut in any place', (_, text, expected) => {
    expect(cleaned(text)).toBe(expected)
    const bytes = Buffer.from(text)
    for (let at = 1; at < bytes.length; at++) {
      expect(cleaned(bytes.subarray(0, at), bytes.subarray(at))).toBe(expected)
    }
  })

  test('binary bytes leave nothing that steers', () => {
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 37) % 256))
    expect(cleaned(bytes)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
  })

  test('what looks like the beginning of a sequence and never ends is not kept for ever', () => {
    const cleaner = new LogCleaner()
    let text = cleaner.clean(Buffer.from('\u001b]0;'))
    for (let i = 0; i < 100; i++) text += cleaner.clean(Buffer.from('x'.repeat(100)))
    expect(text.length).toBeGreaterThan(5000)
    expect(text).not.toContain('\u001b')
  })
})

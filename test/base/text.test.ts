import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanForTerminal, cleanXmlText, cutText } from '../../src/base/text.ts'
import { holds } from '../fuzz/holds.ts'

describe('cleanXmlText', () => {
  it.each([
    ['plain', 'plain'],
    ['tab\tand\nline', 'tab\tand\nline'],
    ['a\0b\x08\x0B\x0C\x1Fz', 'a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFDz'],
    ['one\r\ntwo\rthree\n', 'one\ntwo\nthree\n'],
    ['\uFFFE\uFFFF', '\uFFFD\uFFFD'],
    ['lone \uD83D half \uDE00', 'lone \uFFFD half \uFFFD'],
    ['whole \u{1F600}', 'whole \u{1F600}'],
    ['high high \uD83D\uD83D\uDE00', 'high high \uFFFD\u{1F600}'],
  ])('%j becomes %j', (text, clean) => {
    expect(cleanXmlText(text)).toBe(clean)
  })

  it('leaves nothing that XML 1.0 forbids, and cleaning twice changes nothing', () => {
    holds(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (raw, nice) => {
        const clean = cleanXmlText(raw + nice)
        expect(clean).toMatch(/^[\t\n\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u)
        expect(cleanXmlText(clean)).toBe(clean)
      }),
    )
  })
})

describe('cleanForTerminal', () => {
  it.each([
    ['one\ntwo\tthree', 'one two three'],
    ['\x1B[31mred\x9B0m\x7F', '\uFFFD[31mred\uFFFD0m\uFFFD'],
    ['txt.\u202Eexe', 'txt.\uFFFDexe'],
    ['caf\u00E9 \u{1F600}', 'caf\u00E9 \u{1F600}'],
    ['half \uD83D', 'half \uFFFD'],
  ])('%j becomes %j', (text, clean) => {
    expect(cleanForTerminal(text)).toBe(clean)
  })
})

describe('cutText', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['ab\u{1F600}', 4, 'ab\u{1F600}'],
    ['ab\u{1F600}', 3, 'ab'],
    ['ab\uD83D!', 3, 'ab\uD83D'],
    ['\u{1F600}', 0, ''],
  ])('%j cut to %i is %j', (text, max, cut) => {
    expect(cutText(text, max)).toBe(cut)
  })
})

import { describe, expect, it } from 'vitest'
import { cleanLines, logText } from '../../src/operations/log-text.ts'

describe('cleanLines', () => {
  it.each([
    ['plain text\n\tindented  twice\n', 'plain text\n\tindented  twice\n'],
    ['Grüße, 日本 🚀', 'Grüße, 日本 🚀'],
    ['\x1B[1;31mred\x1B[0m', 'red'],
    ['\x1B[2J\x1B[H\x1B[?25lscreen\x1B[38;2;1;2;3m', 'screen'],
    ['\x1B]0;title\x07after', 'after'],
    ['\x1B]8;;http://x\x1B\\link\x1B]8;;\x1B\\', 'link'],
    ['\x1BP1$r0m\x1B\\dcs', 'dcs'],
    ['\x1B]0;never ended\nnext line', '\nnext line'],
    ['\x1B(B\x1B=\x1B7charsets\x1Bc', 'charsets'],
    ['\x9B31mC1', 'C1'],
    ['alone \x1B', 'alone \uFFFD'],
    ['half \x1B[12', 'half 12'],
    ['one\r\ntwo\r\n', 'one\ntwo\n'],
    ['10%\r20%\r', '10%\n20%\n'],
    ['a\bb\0c\x7F', 'a\uFFFDb\uFFFDc\uFFFD'],
    ['\u202Egpj.exe\u2066', '\uFFFDgpj.exe\uFFFD'],
    ['\uD800 \uFFFE', '\uFFFD \uFFFD'],
  ])('%j is %j', (raw, clean) => expect(cleanLines(raw)).toBe(clean))

  it('leaves nothing that a terminal or XAPI minds, whatever comes', () => {
    const all = Array.from({ length: 0x3000 }, (_, i) => `${String.fromCharCode(i)}\x1B${String.fromCharCode(i)}`)
    expect(cleanLines(all.join(''))).not.toMatch(/[\0-\x08\x0B-\x1F\x7F-\x9F\u2028-\u202E\u2066-\u2069\uFFFE\uFFFF]/)
  })

  it('takes time by the length of the text only', () => {
    for (const part of ['\x1B]', '\x1B[', '\x1B[0;', '\x1B]x\x1B', '\r', '\x1BP'.padEnd(4000, 'a')]) {
      const text = part.repeat(Math.ceil(300_000 / part.length))
      const started = process.cpuUsage().user
      cleanLines(text)
      // Twice quadratic would be minutes; this is a thousandth of that, and a hundred times what it takes.
      expect(process.cpuUsage().user - started).toBeLessThan(5_000_000)
    }
  })
})

describe('logText', () => {
  const text = (raw: string | Buffer, lines = 100, maxBytes = 1000, cut = false) =>
    logText({ bytes: Buffer.from(raw as string), cut }, lines, maxBytes)

  it.each([
    ['', ''],
    ['\n', '\n'],
    ['\none\n', '\none\n'],
    ['\n\none\n', '\none\n'],
    ['one', 'one'],
    ['one\ntwo\nthree\n', 'two\nthree\n'],
    ['one\ntwo\nthree', 'two\nthree'],
    ['\n\n\n', '\n\n'],
    ['a\rb\rc', 'b\nc'],
  ])('gives the last two lines of %j', (raw, last) => expect(text(raw, 2)).toBe(last))

  it('leaves out the line that was cut off', () => {
    expect(text('f a line\nwhole\n', 9, 99, true)).toBe('whole\n')
    expect(text('f a line\nwhole\n', 9, 99, false)).toBe('f a line\nwhole\n')
  })

  it('keeps what there is of a single line that was cut off, from a whole character on', () => {
    expect(text(Buffer.from('日本\n').subarray(1), 9, 99, true)).toBe('本\n')
    expect(text('no end', 9, 99, true)).toBe('no end')
    expect(text(Buffer.alloc(9, 0x80), 9, 99, true)).toBe('\uFFFD'.repeat(9))
  })

  it('stays within its bytes when bad bytes grow to three each', () => {
    const last = text(Buffer.alloc(1000, 0xff), 9, 1000)
    expect(last).toBe('\uFFFD'.repeat(333))
    const lines = text(Buffer.from('\xFF\xFF\n'.repeat(300), 'latin1'), 999, 1000)
    expect(Buffer.byteLength(lines)).toBeLessThanOrEqual(1000)
    expect(lines).toMatch(/^(?:\uFFFD\uFFFD\n)+$/)
  })
})

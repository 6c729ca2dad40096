import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ResponseFramer } from '../../src/xapi/response-framer.ts'

/** Feeds the pieces as PipeLine does; the responses that were found, and what is open at the end. */
function framed(pieces: readonly Buffer[]): { whole: string[]; open: string } {
  const framer = new ResponseFramer()
  const whole: string[] = []
  let open: Buffer[] = []
  for (const piece of pieces) {
    for (let rest = piece; rest.length > 0;) {
      const cut = framer.cut(rest)
      open.push(cut.mine)
      expect(cut.mine.length + cut.rest.length).toBe(rest.length)
      if (cut.done) {
        whole.push(Buffer.concat(open).toString('latin1'))
        open = []
      } else expect(cut.rest.length).toBe(0)
      rest = cut.rest
    }
  }
  return { whole, open: Buffer.concat(open).toString('latin1') }
}

const RESPONSES = {
  'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'of XAPI':
    'HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 10\r\nconnection: keep-alive\r\n\r\na\r\n\r\nb\r\n\r\n',
  'of length zero': 'HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n',
  'with a body that looks like a head':
    'HTTP/1.1 200 OK\r\ncontent-length: 39\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n.',
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n',
  'chunked, in upper case':
    'HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n1f\r\n0123456789abcdef0123456789abcde\r\n0\r\n\r\n',
  'chunked, with extensions':
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;name="v;1"\r\nhello\r\n0;last\r\n\r\n',
  'chunked, with trailers':
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nExpires: never\r\nX: y\r\n\r\n',
  'chunked, line feeds inside': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n\r\n0\r\n\r\r\n0\r\n\r\n',
  'chunked and empty': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
} as const

describe('one response', () => {
  test.each(Object.entries(RESPONSES))('%s is cut at its end, wherever it is split', (_, response) => {
    for (let at = 0; at <= response.length; at++) {
      const pieces = [response.slice(0, at), response.slice(at)].map((text) => Buffer.from(text, 'latin1'))
      expect(framed(pieces), `split at ${at}`).toEqual({ whole: [response], open: '' })
    }
  })

  test.each(Object.entries(RESPONSES))('%s, byte by byte', (_, response) => {
    const pieces = [...response].map((char) => Buffer.from(char, 'latin1'))
    expect(framed(pieces)).toEqual({ whole: [response], open: '' })
  })

  test('without a length goes on until the connection closes, whatever follows', () => {
    const text = 'HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\n\r\n<html>\r\n\r\n'
    expect(framed([Buffer.from(text), Buffer.from(RESPONSES.chunked)])).toEqual({
      whole: [],
      open: text + RESPONSES.chunked,
    })
  })

  test('a number of bytes short of the length is not the end', () => {
    const text = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello'
    expect(framed([Buffer.from(text)])).toEqual({ whole: [], open: text })
  })
})

describe('several responses', () => {
  const list = Object.values(RESPONSES)

  test('two in one piece are told apart', () => {
    for (const one of list) {
      for (const two of list) expect(framed([Buffer.from(one + two)])).toEqual({ whole: [one, two], open: '' })
    }
  })

  test('any splitting of any sequence gives the same cut', () => {
    const sequences = fc.array(fc.constantFrom(...list), { maxLength: 6 })
    fc.assert(
      fc.property(sequences, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (responses, sizes) => {
        const bytes = Buffer.from(responses.join(''))
        const pieces: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!
          pieces.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(framed(pieces)).toEqual({ whole: responses, open: '' })
      }),
    )
  })

  test('chunks of any sizes are counted right', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }), (chunks) => {
        const body = chunks.map((c) => `${c.length.toString(16)}\r\n${Buffer.from(c).toString('latin1')}\r\n`).join('')
        const one = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}0\r\n\r\n`
        expect(framed([Buffer.from(one + RESPONSES['with a length'], 'latin1')]).whole).toEqual([
          one,
          RESPONSES['with a length'],
        ])
      }),
    )
  })
})

describe('nonsense', () => {
  test.each([
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n', 'chunk size'],
    ['a negative chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n', 'chunk size'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`, 'longer than 64 KiB'],
    ['heads without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(12_000)}`, 'longer than 64 KiB'],
    [
      'trailers without end',
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'x: y\r\n'.repeat(12_000)}`,
      '64 KiB',
    ],
  ])('%s is an error', (_, text, why) => {
    expect(() => framed([Buffer.from(text)])).toThrow(why)
  })
})

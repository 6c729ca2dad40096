import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ResponseParser, type Answer } from '../../src/xapi/response-parser.ts'
import { holds } from '../fuzz/holds.ts'

/** Feeds the pieces as PipeLine does; the responses that were found, and what closing the connection then makes of the rest. */
function parsed(pieces: readonly Buffer[]): { whole: string[]; open: string | undefined } {
  const parser = new ResponseParser()
  const whole: string[] = []
  for (const piece of pieces) {
    for (let rest = piece; rest.length > 0;) {
      const found = parser.feed(rest)
      if (found.answer !== undefined) whole.push(shown(found.answer))
      else expect(found.rest.length).toBe(0)
      rest = found.rest
    }
  }
  const open = parser.close()
  return { whole, open: open && shown(open) }
}

const shown = ({ status, body }: Answer) => `${status} ${body.toString('latin1')}`

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`
/** Bytes, and what they say. */
const RESPONSES: Readonly<Record<string, readonly [string, string]>> = {
  'with a length': [`${OK}Content-Length: 5\r\n\r\nhello`, '200 hello'],
  'of XAPI': [
    `${OK}content-type: text/xml\r\ncontent-length: 10\r\nconnection: keep-alive\r\n\r\na\r\n\r\nb\r\n\r\n`,
    '200 a\r\n\r\nb\r\n\r\n',
  ],
  'of length zero': [`${OK}content-length:0\r\n\r\n`, '200 '],
  'of a failure': ['HTTP/1.0 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nno', '500 no'],
  'with a body that looks like a head': [
    `${OK}content-length: 39\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n.`,
    '200 HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n.',
  ],
  chunked: [`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n`, '200 hello0123456789'],
  'chunked, in upper case': [
    `${OK}TRANSFER-ENCODING: Chunked\r\n\r\n1f\r\n0123456789abcdef0123456789abcde\r\n0\r\n\r\n`,
    '200 0123456789abcdef0123456789abcde',
  ],
  'chunked, with extensions': [`${CHUNKED}5;name="v;1"\r\nhello\r\n0;last\r\n\r\n`, '200 hello'],
  'chunked, with trailers': [`${CHUNKED}2\r\nhi\r\n0\r\nExpires: never\r\nX: y\r\n\r\n`, '200 hi'],
  'chunked, line feeds inside': [`${CHUNKED}6\r\n\r\n0\r\n\r\r\n0\r\n\r\n`, '200 \r\n0\r\n\r'],
  'chunked and empty': [`${CHUNKED}0\r\n\r\n`, '200 '],
}

describe('one response', () => {
  test.each(Object.entries(RESPONSES))('%s is read to its end, wherever it is split', (_, [response, says]) => {
    for (let at = 0; at <= response.length; at++) {
      const pieces = [response.slice(0, at), response.slice(at)].map((text) => Buffer.from(text, 'latin1'))
      expect(parsed(pieces), `split at ${at}`).toEqual({ whole: [says], open: undefined })
    }
  })

  test.each(Object.entries(RESPONSES))('%s, byte by byte', (_, [response, says]) => {
    const pieces = [...response].map((char) => Buffer.from(char, 'latin1'))
    expect(parsed(pieces)).toEqual({ whole: [says], open: undefined })
  })

  test('without a length goes on until the connection closes, whatever follows', () => {
    const text = 'HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\n\r\n<html>\r\n\r\n'
    const more = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'
    expect(parsed([Buffer.from(text), Buffer.from(more)])).toEqual({ whole: [], open: `500 <html>\r\n\r\n${more}` })
  })

  test('a number of bytes short of the length is not the end', () => {
    const text = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello'
    expect(parsed([Buffer.from(text)])).toEqual({ whole: [], open: undefined })
  })
})

describe('several responses', () => {
  const list = Object.values(RESPONSES)

  test('two in one piece are told apart', () => {
    for (const one of list) {
      for (const two of list) {
        expect(parsed([Buffer.from(one[0] + two[0])])).toEqual({ whole: [one[1], two[1]], open: undefined })
      }
    }
  })

  test('any splitting of any sequence gives the same cut', () => {
    const sequences = fc.array(fc.constantFrom(...list), { maxLength: 6 })
    holds(
      fc.property(sequences, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (responses, sizes) => {
        const bytes = Buffer.from(responses.map(([bytes]) => bytes).join(''))
        const pieces: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!
          pieces.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(parsed(pieces)).toEqual({ whole: responses.map(([, says]) => says), open: undefined })
      }),
    )
  })

  test('chunks of any sizes are counted right', () => {
    holds(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }), (chunks) => {
        const texts = chunks.map((chunk) => Buffer.from(chunk).toString('latin1'))
        const body = texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')
        const two = `${CHUNKED}${body}0\r\n\r\n${OK}content-length: 1\r\n\r\nx`
        expect(parsed([Buffer.from(two, 'latin1')]).whole).toEqual([`200 ${texts.join('')}`, '200 x'])
      }),
    )
  })
})

describe('nonsense', () => {
  test.each([
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n', 'chunk size'],
    ['a negative chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n', 'chunk size'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'does not begin as HTTP'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`, 'longer than 64 KiB'],
    ['heads without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(12_000)}`, 'longer than 64 KiB'],
    [
      'trailers without end',
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'x: y\r\n'.repeat(12_000)}`,
      '64 KiB',
    ],
  ])('%s is an error', (_, text, why) => {
    expect(() => parsed([Buffer.from(text)])).toThrow(why)
  })
})

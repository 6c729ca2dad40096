import type { ByteReader } from './byte-reader.ts'

export interface HttpRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly keepAlive: boolean
}

const MOST_HEADER_BYTES = 64 * 1024

/** The next request's head, undefined at the end of the connection; throws on what is not HTTP. */
export async function readHead(reader: ByteReader): Promise<HttpRequest | undefined> {
  const bytes = await reader.until('\r\n\r\n', MOST_HEADER_BYTES)
  if (bytes === undefined) return undefined
  const [first = '', ...lines] = bytes
    .toString('latin1')
    .replace(/^(\r\n)+/, '')
    .split('\r\n')
  const start = /^([A-Z]+) (\S+) HTTP\/(1\.[01])$/.exec(first)
  if (start === null) throw new Error('malformed request line')
  const headers = new Map(lines.filter((line) => line !== '').map(header))
  const [path = '/', query = ''] = (start[2] ?? '/').split('?', 2)
  const connection = headers.get('connection')?.toLowerCase()
  const keepAlive = start[3] === '1.1' ? connection !== 'close' : connection === 'keep-alive'
  return { method: start[1] ?? '', path, query: new URLSearchParams(query), headers, keepAlive }
}

function header(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  if (colon <= 0) throw new Error('malformed header')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

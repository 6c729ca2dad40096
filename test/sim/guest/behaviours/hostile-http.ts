import { gzipSync } from 'node:zlib'
import type { Behaviour } from '../faults.ts'
import { pour } from './parts/pour.ts'
import { rawHttp } from './parts/raw-http.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

export function hugeChunkSize(): Behaviour {
  const summary = 'The answer comes in chunks, the first of which says it has 2^63 bytes.'
  return rawHttp('huge-chunk-size', summary, `${OK}Transfer-Encoding: chunked\r\n\r\n8000000000000000\r\n{}`)
}

export function twoContentLengths(): Behaviour {
  const summary = 'The answer has two fields Content-Length that say different things.'
  return rawHttp('two-content-lengths', summary, `${OK}Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}`)
}

export function switchedProtocols(): Behaviour {
  const summary = 'The answer is 101 Switching Protocols, which nobody asked for.'
  return rawHttp(
    'switched-protocols',
    summary,
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n',
  )
}

export function endlessContinue(): Behaviour {
  const summary = 'The answer is 100 Continue, again and again.'
  return rawHttp('endless-continue', summary, '', (stream) => pour(stream, 'HTTP/1.1 100 Continue\r\n\r\n'))
}

export function endlessChunkExtension(): Behaviour {
  const summary = 'The first chunk of the answer has an extension without end.'
  const start = `${OK}Transfer-Encoding: chunked\r\n\r\n2;`
  return rawHttp('endless-chunk-extension', summary, start, (stream) => pour(stream, 'x=y;'))
}

/** A gigabyte of zeros in a megabyte; whoever unpacks it has lost. */
export function compressedBomb(): Behaviour {
  const summary = 'The answer is compressed, and a thousand times as long as it looks.'
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('latin1')
  const head = `${OK}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`
  return rawHttp('compressed-bomb', summary, head + bomb)
}

export function redirected(to = 'http://127.0.0.1:2375/version'): Behaviour {
  const summary = 'The answer is a redirection to an address of dom0.'
  return rawHttp('redirected', summary, `HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`)
}

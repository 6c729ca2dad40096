import type { Socket } from 'node:net'

import { ByteReader } from './byte-reader.ts'
import { readHead, type HttpRequest } from './http-request.ts'

/** An answer; undefined instead of one: the connection is cut. */
export interface HttpAnswer {
  readonly status: 200 | 302 | 401 | 404 | 500
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpHandler {
  /** Answers a POST. `never` leaves the request and its connection without an answer. */
  post(request: HttpRequest, body: Buffer): Promise<HttpAnswer | 'cut' | 'never'>
  /** Takes over requests that are no calls; false: there is no such thing. */
  raw(request: HttpRequest, reader: ByteReader, socket: Socket): Promise<boolean>
}

/** Larger requests are refused without being read. */
const MOST_BODY_BYTES = 300 * 1024

const REASONS = { 200: 'OK', 302: 'Found', 401: 'Unauthorized', 404: 'Not Found', 500: 'Internal Server Error' }

/** Serves one connection: one request after the other, each answered before the next is looked at. */
export async function serveConnection(socket: Socket, handler: HttpHandler): Promise<void> {
  const reader = new ByteReader(socket)
  try {
    while (await serveRequest(reader, socket, handler)) {
      // One turn of the event loop for others, as XAPI's threads have: event waiters may run between two requests.
      if (reader.hasMore) await new Promise((resolve) => setImmediate(resolve))
    }
  } catch (error) {
    write(socket, htmlError(String(error)), false)
  }
  reader.stop()
  socket.end()
}

/** Whether the connection goes on. */
async function serveRequest(reader: ByteReader, socket: Socket, handler: HttpHandler): Promise<boolean> {
  const request = await readHead(reader)
  if (request === undefined) return false
  if (request.method !== 'POST') return serveRaw(request, reader, socket, handler)
  const length = Number(request.headers.get('content-length') ?? NaN)
  if (!Number.isSafeInteger(length) || length < 0) throw new Error('Content-Length is required')
  if (length > MOST_BODY_BYTES) throw new Error('the request is too large')
  if (request.headers.get('expect')?.toLowerCase() === '100-continue') socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  const body = await reader.exactly(length)
  if (body === undefined) return false
  const answer = await handler.post(request, body)
  if (answer === 'never') return new Promise<boolean>((resolve) => socket.once('close', () => resolve(false)))
  if (answer === 'cut') {
    socket.destroy()
    return false
  }
  const goesOn = request.keepAlive && answer.status === 200
  write(socket, answer, goesOn)
  return goesOn
}

async function serveRaw(request: HttpRequest, reader: ByteReader, socket: Socket, handler: HttpHandler) {
  if (await handler.raw(request, reader, socket)) return false
  const body = '<html><body><h1>HTTP 404 not found</h1></body></html>'
  write(socket, { status: 404, contentType: 'text/html', body }, false)
  return false
}

/** What XAPI answers to anything wrong below the API. */
export function htmlError(reason: string): HttpAnswer {
  const safe = reason.replace(/[<>&]/g, ' ').slice(0, 500)
  const body = `<html><body><h1>HTTP 500 internal server error</h1>An unexpected error occurred; please wait a while and try again. ${safe}<hr></body></html>`
  return { status: 500, contentType: 'text/html', body }
}

function write(socket: Socket, answer: HttpAnswer, keepAlive: boolean): void {
  if (socket.destroyed) return
  const extra = Object.entries(answer.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
  const head =
    `HTTP/1.1 ${answer.status} ${REASONS[answer.status]}\r\n` +
    `content-length: ${Buffer.byteLength(answer.body)}\r\n` +
    `connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n` +
    `cache-control: no-cache, no-store\r\n` +
    `content-type: ${answer.contentType}\r\n${extra.join('')}\r\n`
  socket.write(head + answer.body)
}

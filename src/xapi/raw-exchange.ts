import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { abortReason } from '../base/clock.ts'

/** Where XAPI listens: its socket on this host, or another host. */
export type XapiPlace = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** The head of an HTTP answer; header names in lower case. */
export interface AnswerHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

const MOST_HEAD_BYTES = 16 * 1024
/** Lengths and line ends of a body in pieces, on top of a sixteenth of it. */
const FRAMING_BYTES = 64 * 1024

/**
 * One HTTP request on a connection of its own, by hand: XAPI answers an upload before it has read the body and takes the
 * end of the connection for the end of both, which HTTP clients take for a failure. Everything rejects when `signal`
 * aborts, which ends the connection.
 */
export class RawExchange {
  readonly #socket: Socket
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(place: XapiPlace, signal: AbortSignal) {
    const socket = open(place)
    const abort = () => socket.destroy(abortReason(signal))
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', abort))
    // Whoever reads or writes is told as well.
    socket.on('error', () => undefined)
    if (signal.aborted) abort()
    this.#socket = socket
    // The end of what comes is not the end of what goes.
    this.#chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  }

  /** Resolves when the system has taken all of it. */
  write(data: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => (error ? reject(this.#socket.errored ?? error) : resolve()))
    })
  }

  /** The answer's head; what comes after it is left for `read`. */
  async head(): Promise<AnswerHead> {
    let seen = Buffer.alloc(0)
    for (let end = -1; end === -1; end = seen.indexOf('\r\n\r\n')) {
      if (seen.length > MOST_HEAD_BYTES) throw new Error('the answer has no end of its head')
      const chunk = await this.read()
      if (chunk === undefined) throw new Error('the connection was closed before an answer came')
      seen = Buffer.concat([seen, chunk])
    }
    const end = seen.indexOf('\r\n\r\n')
    this.#rest = seen.subarray(end + 4)
    return parseHead(seen.toString('latin1', 0, end))
  }

  /** The next bytes, undefined at the end of the connection. */
  async read(): Promise<Buffer | undefined> {
    if (this.#rest.length > 0) {
      const rest = this.#rest
      this.#rest = Buffer.alloc(0)
      return rest
    }
    const next = await this.#chunks.next()
    return next.done === true ? undefined : next.value
  }

  /**
   * The answer's body, up to `most` bytes: to the end of the connection, as XAPI sends it, or in pieces with their
   * lengths before them, as HTTP servers do that may stand in its place.
   */
  async body({ headers }: AnswerHead, most: number): Promise<Buffer> {
    const inPieces = /\bchunked$/i.test(headers.get('transfer-encoding') ?? '')
    const room = inPieces ? most + Math.ceil(most / 16) + FRAMING_BYTES : most
    const read: Buffer[] = []
    for (let length = 0; length < room;) {
      const data = await this.read()
      if (data === undefined) break
      read.push(data)
      length += data.length
    }
    const all = Buffer.concat(read)
    return (inPieces ? joined(all) : all).subarray(0, most)
  }

  close(): void {
    this.#socket.destroy()
  }
}

function open(place: XapiPlace): Socket {
  if ('socketPath' in place) return connectPlain(place.socketPath)
  // Hosts of a pool have certificates that they have made themselves, and nothing that is in dom0 on every supported
  // version says which is whose; XAPI itself has just named the address, over its own socket.
  return connectTls({ host: place.host, port: place.port, rejectUnauthorized: false })
}

/** RFC 9112, 7.1; what is incomplete at the end is left out. */
function joined(body: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at)
    const length = lineEnd === -1 ? NaN : parseInt(body.toString('latin1', at, lineEnd), 16)
    if (!(length > 0)) return Buffer.concat(pieces)
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = lineEnd + 2 + length + 2
  }
}

function parseHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1]
  if (status === undefined) throw new Error('the answer is not HTTP')
  const headers = lines.flatMap((line): [string, string][] => {
    const colon = line.indexOf(':')
    return colon === -1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]]
  })
  return { status: Number(status), headers: new Map(headers) }
}

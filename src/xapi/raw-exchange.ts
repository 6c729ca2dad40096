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
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** Resolves when the system has taken all of it. */
  write(data: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => (error ? reject(error) : resolve()))
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
    const { done, value } = await this.#chunks.next()
    return done === true ? undefined : value
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

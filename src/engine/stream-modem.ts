import http from 'node:http'
import type { Duplex } from 'node:stream'
import { abortReason } from '../base/clock.ts'
import { connectionError, replyTooLarge, statusError } from './errors.ts'

/** The part of dockerode's request description that counts here. */
export interface Dial {
  readonly path: string
  readonly method: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly isStream?: boolean
  readonly statusCodes: Readonly<Record<number, unknown>>
}

export interface StreamModemDeps {
  readonly openStream: (signal: AbortSignal) => Promise<Duplex>
  readonly signal: AbortSignal
  /** Called once the whole request was handed to the stream. */
  readonly sent?: (() => void) | undefined
}

export interface StreamModemLimits {
  readonly replyBytes: number
  /** As `v1.41`; undefined: no prefix. */
  readonly version?: string | undefined
}

/**
 * Carries dockerode's requests, each over a stream of its own that ends with the reply or with `signal`.
 * It stands in for docker-modem, which cannot be let near a guest that is not trusted: it follows redirects to any
 * address this host can reach (and throws where no promise sees it when the scheme is new to it), never settles when
 * a connection ends within a body, collects bodies without limit, and prints every request's whole object graph for
 * a debug log that is off.
 */
export class StreamModem {
  readonly #deps: StreamModemDeps
  readonly #limits: StreamModemLimits

  constructor(deps: StreamModemDeps, limits: StreamModemLimits) {
    this.#deps = deps
    this.#limits = limits
  }

  /** Gives what docker-modem gives: parsed JSON, the bytes of what is none, or the reply itself for `isStream`. */
  dial(dial: Dial, callback: (error: Error | null, data: unknown) => void): void {
    this.#exchange(dial).then(
      (data) => callback(null, data),
      (error: Error) => callback(error, null),
    )
  }

  async #exchange(dial: Dial): Promise<unknown> {
    const name = `${dial.method} ${dial.path.replace(/\?$/, '')}`
    const stream = await this.#connect()
    const end = () => stream.destroy()
    this.#deps.signal.addEventListener('abort', end, { once: true })
    try {
      const reply = await this.#request(stream, dial)
      if (dial.isStream === true && dial.statusCodes[reply.statusCode ?? 0] === true) {
        reply.once('close', end)
        return reply
      }
      const body = await readBody(reply, name, this.#limits.replyBytes)
      if (dial.statusCodes[reply.statusCode ?? 0] !== true) throw statusError(name, reply.statusCode ?? 0, body)
      end()
      return parsed(body)
    } catch (error) {
      end()
      throw connectionError(name, error)
    }
  }

  async #connect(): Promise<Duplex> {
    const { openStream, signal } = this.#deps
    const stream = await openStream(signal)
    // Errors after the reply concern nobody, but an 'error' without a listener would end the process.
    stream.on('error', () => undefined)
    if (!signal.aborted) return stream
    stream.destroy()
    throw abortReason(signal)
  }

  #request(stream: Duplex, dial: Dial): Promise<http.IncomingMessage> {
    const { signal, sent } = this.#deps
    return new Promise((resolve, reject) => {
      const request = http.request({
        method: dial.method,
        path: `${this.#limits.version === undefined ? '' : `/${this.#limits.version}`}${pathOf(dial)}`,
        createConnection: () => stream,
        insecureHTTPParser: false,
        maxHeaderSize: 16_384,
      })
      signal.addEventListener('abort', () => reject(abortReason(signal)), { once: true })
      request.on('error', reject)
      // No engine sends 1xx replies, and nothing else would bound their number.
      request.once('information', () => request.destroy(new Error('unexpected 1xx reply')))
      request.once('response', resolve)
      // After a reply this changes nothing; a switch of protocols is told by nothing else.
      request.once('close', () => reject(new Error('it ended without a reply')))
      if (sent !== undefined) request.once('finish', sent)
      request.end()
    })
  }
}

function pathOf(dial: Dial): string {
  if (!dial.path.endsWith('?')) return dial.path
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(dial.options ?? {})) {
    if (value !== undefined) query.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return query.size === 0 ? dial.path.slice(0, -1) : dial.path + query.toString()
}

/** The whole body; rejects as soon as it is known to be longer than `limit`. */
async function readBody(reply: http.IncomingMessage, name: string, limit: number): Promise<Buffer> {
  if (Number(reply.headers['content-length'] ?? 0) > limit) throw replyTooLarge(name, limit)
  let room = Buffer.allocUnsafe(Math.min(limit, 16_384))
  let length = 0
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    if (length + chunk.length > limit) throw replyTooLarge(name, limit)
    if (length + chunk.length > room.length)
      room = Buffer.concat([room], Math.max(room.length * 2, length + chunk.length))
    // Copied, not collected: a list of one-byte chunks would take a hundred times their size.
    length += chunk.copy(room, length)
  }
  return room.subarray(0, length)
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return body
  }
}

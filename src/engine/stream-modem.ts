import http from 'node:http'
import type { Duplex } from 'node:stream'
import { abortReason } from '../base/clock.ts'
import type { EngineAgent, OpenOptions } from './engine-agent.ts'
import { connectionError, repliesTooLarge, replyTooLarge, replyTooManyValues, statusError } from './errors.ts'
import { hasMoreValues } from './json-values.ts'
import type { Held, LargeReplies } from './large-replies.ts'

/** The part of dockerode's request description that counts here. */
export interface Dial {
  readonly path: string
  readonly method: string
  /** The query where the path ends in `?`, else the body of a POST, as JSON. */
  readonly options?: Readonly<Record<string, unknown>>
  /** The reply itself is wanted, not what it says. */
  readonly isStream?: boolean
  /** The stream is to carry something else from the reply on, both ways. */
  readonly hijack?: boolean
  readonly statusCodes: Readonly<Record<number, unknown>>
}

/** A stream that has become the two sides' own: after a switch of protocols, or after headers, as old engines do. */
export interface Hijacked {
  readonly source: AsyncIterable<Buffer>
  readonly sink: Duplex
}

export interface StreamModemDeps {
  /** Gives kept streams, to plain questions. */
  readonly keeping: EngineAgent
  /** Gives each request a stream of its own: to what may last, and to what must not be asked twice. */
  readonly closing: EngineAgent
  /** What long replies share. */
  readonly large: LargeReplies
  readonly signal: AbortSignal
  /** Called once the whole request was handed to the stream. */
  readonly sent?: (() => void) | undefined
  /** In place of JSON.parse; throws where it would. */
  readonly read?: ReadSteps | undefined
}

/** What a body says, in steps between which others may have their turn. */
export type ReadSteps = (body: Buffer) => Generator<void, unknown>

export interface StreamModemLimits {
  readonly replyBytes: number
  /** As `v1.41`; undefined: no prefix. */
  readonly version?: string | undefined
}

/** Of what JSON.parse makes in one go: 0.1 s where each has a name that it has never seen. */
const MOST_VALUES = 120_000
/** Of what is read in steps. A container in a list has 30 to 100: the lists of two thousand containers. */
const MOST_READ_VALUES = 200_000

/**
 * Carries dockerode's requests over streams to the engine, until `signal` aborts.
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
    this.ask(dial).then(
      (data) => callback(null, data),
      (error: Error) => callback(error, null),
    )
  }

  /** The same as a promise; a Hijacked for `hijack`. */
  ask(dial: Dial): Promise<unknown> {
    const { keeping, closing } = this.#deps
    const question = dial.method === 'GET' && dial.isStream !== true
    return this.#ask(dial, question ? keeping : closing)
  }

  async #ask(dial: Dial, agent: EngineAgent): Promise<unknown> {
    const { closing, large, signal } = this.#deps
    const name = `${dial.method} ${dial.path.replace(/\?$/, '')}`
    const request = this.#request(dial, agent)
    const end = () => request.destroy(abortReason(signal))
    signal.addEventListener('abort', end, { once: true })
    const held = large.hold()
    let reply: http.IncomingMessage | undefined
    try {
      const answer = await answerTo(request, dial.hijack === true)
      reply = answer.reply
      if (answer.upgraded !== undefined) return { source: answer.upgraded, sink: answer.upgraded }
      const good = isGood(dial, reply.statusCode ?? 0)
      if (dial.hijack === true && good) return { source: unbroken(reply), sink: reply.socket }
      if (dial.isStream === true && good) return reply
      const body = await readBody(reply, name, this.#limits.replyBytes, held)
      if (!good) throw statusError(name, reply.statusCode ?? 0, body)
      return await large.parse(body.length, signal, this.#parsed(name, body))
    } catch (error) {
      // Does nothing to the stream of a reply that was read whole.
      request.destroy()
      // The engine may close a kept stream at any time: that says nothing about this request.
      if (request.reusedSocket && reply === undefined && !signal.aborted) return this.#ask(dial, closing)
      throw connectionError(name, error)
    } finally {
      held.release()
    }
  }

  *#parsed(name: string, body: Buffer): Generator<void, unknown> {
    const { read } = this.#deps
    const most = read === undefined ? MOST_VALUES : MOST_READ_VALUES
    if (hasMoreValues(body, most)) throw replyTooManyValues(name, most)
    try {
      return read === undefined ? (JSON.parse(body.toString()) as unknown) : yield* read(body)
    } catch {
      return body
    }
  }

  #request(dial: Dial, agent: EngineAgent): http.ClientRequest {
    const { signal, sent } = this.#deps
    const body = bodyOf(dial)
    const options: http.RequestOptions & OpenOptions = {
      method: dial.method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
        ...(dial.hijack === true && { Connection: 'Upgrade', Upgrade: 'tcp' }),
      },
      path: `${this.#limits.version === undefined ? '' : `/${this.#limits.version}`}${pathOf(dial)}`,
      agent,
      opening: signal,
      insecureHTTPParser: false,
      maxHeaderSize: 16_384,
    }
    const request = http.request(options)
    if (sent !== undefined) request.once('finish', sent)
    return request.end(body)
  }
}

interface Answer {
  readonly reply: http.IncomingMessage
  /** The stream after a switch of protocols. */
  readonly upgraded?: Duplex
}

function answerTo(request: http.ClientRequest, hijack: boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    // No engine sends 1xx replies, and nothing else would bound their number.
    request.once('information', () => request.destroy(new Error('unexpected 1xx reply')))
    request.once('response', (reply) => resolve({ reply }))
    if (hijack) {
      request.once('upgrade', (reply, upgraded, head) => {
        if (head.length > 0) upgraded.unshift(head)
        resolve({ reply, upgraded })
      })
    }
    // After a reply this changes nothing; a switch of protocols that nobody asked for is told by nothing else.
    request.once('close', () => reject(new Error('it ended without a reply')))
  })
}

/** A body that ends with its stream ends well for Node where the stream broke: that is told apart here. */
async function* unbroken(reply: http.IncomingMessage): AsyncGenerator<Buffer> {
  const { socket } = reply
  yield* reply as AsyncIterable<Buffer>
  if (socket.errored !== null) throw socket.errored
}

/** dockerode's own lists hold the texts of errors besides; 304 is for what is so already. */
function isGood({ method, statusCodes }: Dial, status: number): boolean {
  return statusCodes[status] === true || (status === 304 && method === 'POST')
}

function bodyOf({ method, path, options = {} }: Dial): string | undefined {
  const wanted = method === 'POST' && !path.endsWith('?') && Object.keys(options).length > 0
  return wanted ? JSON.stringify(options) : undefined
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
async function readBody(reply: http.IncomingMessage, name: string, limit: number, held: Held): Promise<Buffer> {
  if (Number(reply.headers['content-length'] ?? 0) > limit) throw replyTooLarge(name, limit)
  let room = Buffer.allocUnsafe(Math.min(limit, 16_384))
  let length = 0
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    if (length + chunk.length > limit) throw replyTooLarge(name, limit)
    if (length + chunk.length > room.length) {
      const size = Math.min(limit, Math.max(room.length * 2, length + chunk.length))
      if (!held.upTo(size)) throw repliesTooLarge(name)
      room = Buffer.concat([room], size)
    }
    // Copied, not collected: a list of one-byte chunks would take a hundred times their size.
    length += chunk.copy(room, length)
  }
  return room.subarray(0, length)
}

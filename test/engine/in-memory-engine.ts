import http from 'node:http'
import { duplexPair, type Duplex } from 'node:stream'
import { Engine } from '../../src/engine/engine.ts'
import type { EngineLimits } from '../../src/engine/engine-calls.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

export const LIMITS: EngineLimits = { callMs: 10_000, replyBytes: 1_000_000, eventLineBytes: 10_000 }
export const DOCKER = { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12' }
/** How many streams are left open after a reply that came whole: the next request uses it. */
export const KEPT = 1

/** Streams to something that answers in memory: an HTTP server that never listens, or bytes as the test wants them. */
export class InMemoryEngine {
  readonly clock = new FakeClock()
  readonly signal: AbortSignal
  readonly stop = new AbortController()
  /** Paths in the order in which they were asked for. */
  readonly asked: string[] = []
  /** Our ends of all streams that were opened. */
  readonly streams: Duplex[] = []
  readonly #far: Duplex[] = []
  readonly #serve: (stream: Duplex) => void

  constructor(serve: (stream: Duplex) => void) {
    this.#serve = serve
    this.signal = this.stop.signal
  }

  /** An engine that answers with this handler. */
  static http(handle: (request: http.IncomingMessage, response: http.ServerResponse) => void): InMemoryEngine {
    const server = http.createServer((request, response) => {
      engine.asked.push(request.url ?? '')
      handle(request, response)
    })
    const engine = new InMemoryEngine((stream) => server.emit('connection', stream))
    return engine
  }

  /** An engine that answers `/version` as Docker 20.10 does, and all else with this handler. */
  static docker(
    handle: (request: http.IncomingMessage, response: http.ServerResponse) => void,
    version: Readonly<Record<string, string>> = DOCKER,
  ): InMemoryEngine {
    return InMemoryEngine.http((request, response) => {
      if (request.url === '/version') response.end(JSON.stringify(version))
      else handle(request, response)
    })
  }

  /** Streams that are still open on our side. */
  get open(): number {
    return this.streams.filter((stream) => !stream.destroyed).length
  }

  /** The engine's end of a stream. */
  far(i: number): Duplex {
    return this.#far[i]!
  }

  readonly openStream = (_signal: AbortSignal): Promise<Duplex> => {
    const [ours, theirs] = duplexPair()
    this.streams.push(ours)
    this.#far.push(theirs)
    theirs.on('error', () => undefined)
    // As with a socket, whose other end sees that this one is gone.
    ours.once('close', () => theirs.destroy())
    theirs.once('close', () => ours.push(null))
    this.#serve(theirs)
    return Promise.resolve(ours)
  }

  connect(limits: EngineLimits = LIMITS): Promise<Engine> {
    return Engine.open(this, limits, this.signal)
  }
}

/** Bytes that are sent as they are, once a request has come in. */
export function raw(reply: string | Buffer, end = true): (stream: Duplex) => void {
  return (stream) => {
    stream.once('data', () => {
      stream.write(reply)
      if (end) stream.end()
    })
  }
}

/** What a promise was rejected with, or undefined while it is pending or when it was resolved. */
export function rejection(promise: Promise<unknown>): { readonly error: unknown } {
  const outcome: { error: unknown } = { error: undefined }
  promise.catch((error: unknown) => (outcome.error = error))
  return outcome
}

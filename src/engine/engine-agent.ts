import http from 'node:http'
import type { Duplex } from 'node:stream'
import { asError } from '../base/errors.ts'

export type OpenStream = (signal: AbortSignal) => Promise<Duplex>

/** Given to http.request besides its own options: ends the opening of a stream. */
export interface OpenOptions {
  readonly opening: AbortSignal
}

/**
 * Gives requests streams to the engine. With `keep`, the stream of a request that was answered whole waits for the next
 * one: a stream costs two round trips, and where a program in the guest carries it, a process there.
 */
export class EngineAgent extends http.Agent {
  readonly #openStream: OpenStream

  constructor(openStream: OpenStream, keep: boolean) {
    super({ keepAlive: keep, maxFreeSockets: 1 })
    this.#openStream = openStream
  }

  override createConnection(
    options: http.ClientRequestArgs & Partial<OpenOptions>,
    callback: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // Node's types lack it, but an error comes without a stream.
    const failed = callback as (error: Error) => void
    this.#openStream(options.opening ?? new AbortController().signal).then(
      (stream) => {
        stream.on('error', nobodysError)
        callback(null, stream)
      },
      (error: unknown) => failed(asError(error)),
    )
  }

  /** What comes while nothing was asked cannot be told from an answer to the next request: the stream is given up. */
  override keepSocketAlive(stream: Duplex): boolean {
    stream.on('data', destroyThis).on('end', destroyThis)
    return true
  }

  override reuseSocket(stream: Duplex, request: http.ClientRequest): void {
    stream.off('data', destroyThis).off('end', destroyThis)
    // Those of Node's agent, which only its own method takes off, and that one needs a socket of the system's.
    stream.removeAllListeners('error').on('error', nobodysError)
    request.reusedSocket = true
  }
}

/** Errors after the reply concern nobody, but an 'error' without a listener would end the process. */
function nobodysError(): void {}

function destroyThis(this: Duplex): void {
  this.destroy()
}

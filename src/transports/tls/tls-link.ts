import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { StoppedError, TransientError } from '../../base/errors.ts'
import type { GuestLink, LinkFacts } from '../../model/guest.ts'
import { dialTls, type DialOptions } from './dial.ts'
import { isSilent } from './errors.ts'

/** The engine client keeps one stream and opens few besides; more at once means that nobody answers. */
const MOST_STREAMS = 64

export type LinkOptions = Omit<DialOptions, 'prove' | 'session' | 'onSession'>

/**
 * TLS connections to one engine, one per stream; those after the first go on with its session. There is no connection
 * of the link's own: it is over when one of them finds that the guest has gone, and all others end with it.
 */
export class TlsLink implements GuestLink {
  readonly facts: LinkFacts
  readonly #clock: Clock
  readonly #options: LinkOptions
  readonly #streams = new Set<Duplex>()
  readonly #sessions: { last: Buffer | undefined }
  #first: TLSSocket | undefined
  #opening = 0
  #over: Error | undefined
  #resolveClosed: (why: Error | undefined) => void = () => {}
  readonly closed = new Promise<Error | undefined>((resolve) => (this.#resolveClosed = resolve))

  /** `first` is a connection that nobody has used yet; `sessions` is where new sessions are put. */
  constructor(
    clock: Clock,
    options: LinkOptions,
    facts: LinkFacts,
    first: TLSSocket,
    sessions: { last: Buffer | undefined },
  ) {
    this.#clock = clock
    this.#options = options
    this.facts = facts
    this.#first = first
    this.#sessions = sessions
    this.#track(first)
  }

  async openStream(signal: AbortSignal): Promise<Duplex> {
    if (this.#over !== undefined) throw this.#over
    const first = this.#first
    this.#first = undefined
    if (first?.destroyed === false && first.readable) return first
    if (this.#streams.size + this.#opening >= MOST_STREAMS) throw tooMany(this.facts.address)
    this.#opening++
    try {
      const socket = await dialTls(
        this.#clock,
        {
          ...this.#options,
          prove: false,
          session: this.#sessions.last,
          onSession: (session) => (this.#sessions.last = session),
        },
        signal,
      )
      return this.#track(socket)
    } finally {
      this.#opening--
    }
  }

  close(): void {
    this.#end(undefined)
  }

  #track(socket: TLSSocket): TLSSocket {
    if (this.#over !== undefined) {
      socket.destroy()
      throw this.#over
    }
    this.#streams.add(socket)
    socket.on('error', (error: Error) => {
      if (isSilent(error)) this.#end(error)
    })
    socket.once('close', () => this.#streams.delete(socket))
    return socket
  }

  #end(why: Error | undefined): void {
    if (this.#over !== undefined) return
    const over = why ?? new StoppedError('the connection to the guest was closed')
    this.#over = over
    for (const stream of this.#streams) stream.destroy(over)
    this.#resolveClosed(why)
  }
}

function tooMany(address: string): TransientError {
  return new TransientError({
    kind: 'streams-busy',
    cause: `There are ${MOST_STREAMS} connections to the container engine at ${address} already, and it ends none`,
    cure: 'Check the load of the guest and the log of its engine',
  })
}

import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import type { Gate } from '../../base/gate.ts'
import type { GuestLink, LinkFacts } from '../../model/guest.ts'
import type { Way } from './ladder.ts'
import { openBy } from './rungs.ts'
import type { SshConnection } from './ssh-connection.ts'

/** Waiting in line for a session and opening it; sessions end when the engine client lets go of its connections. */
const STREAM_TIMEOUT_MS = 15_000

/** A kept SSH connection and the way to the engine on it. */
export class SshLink implements GuestLink {
  readonly facts: LinkFacts
  readonly #clock: Clock
  readonly #connection: SshConnection
  readonly #way: Way
  readonly #sessions: Gate
  #first: Duplex | undefined

  /** `first` is a stream by this way that nobody has used yet. */
  constructor(clock: Clock, connection: SshConnection, way: Way, sessions: Gate, first?: Duplex) {
    this.#clock = clock
    this.#connection = connection
    this.#way = way
    this.#sessions = sessions
    this.#first = first
    const { address, hostKey } = connection
    this.facts = { address, hostKey, rung: way.rung.name, socketPath: way.socketPath }
  }

  get closed(): Promise<Error | undefined> {
    return this.#connection.closed
  }

  openStream(signal: AbortSignal): Promise<Duplex> {
    const first = this.#first
    this.#first = undefined
    if (first?.destroyed === false) return Promise.resolve(first)
    const { rung, socketPath } = this.#way
    if (rung.tool === undefined) return this.#connection.openLocal(socketPath, signal)
    const late = {
      kind: 'sessions-busy',
      cause: `No session to the engine (by ${rung.name}) became free in the guest at ${this.facts.address}`,
      cure: 'Set AllowStreamLocalForwarding yes in its sshd_config, which needs no sessions',
    }
    return within(this.#clock, STREAM_TIMEOUT_MS, signal, late, (inner) =>
      openBy(rung, this.#connection, socketPath, this.#sessions, inner),
    )
  }

  close(): void {
    this.#connection.close()
  }
}

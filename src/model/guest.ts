import type { Duplex } from 'node:stream'

/** Where and as whom to reach a guest. Two equal targets need no new connection. */
export interface Target {
  readonly vmUuid: string
  readonly mode: string
  /** IP addresses to try in this order, already vetted. */
  readonly addresses: readonly string[]
  readonly username: string
  /** Base64 of the public host key blob that was pinned for this VM; undefined at first contact. */
  readonly pinnedHostKey: string | undefined
  /** Engine socket path given by the administrator; undefined: look in the usual places. */
  readonly socketPath: string | undefined
}

/** How a link was made, for status, doctor and the log. */
export interface LinkFacts {
  readonly address: string
  /** Base64 of the public host key blob that the guest showed (SSH), to be pinned at first contact. */
  readonly hostKey: string | undefined
  /** How streams reach the engine: `stream-local`, `docker system dial-stdio`, `socat`, .. */
  readonly rung: string
  readonly socketPath: string
}

/** One kept connection to a guest, over which any number of streams to its engine can be opened. */
export interface GuestLink {
  readonly facts: LinkFacts
  /** A fresh byte stream to the engine's socket. Rejects with a DiagnosedError. */
  openStream(signal: AbortSignal): Promise<Duplex>
  /** Resolves once the connection is gone: with why, or undefined after close(). Never rejects. */
  readonly closed: Promise<Error | undefined>
  close(): void
}

/** A way to reach guests. `connect` rejects with a DiagnosedError; on abort it leaves nothing behind. */
export interface Transport {
  readonly name: string
  connect(target: Target, signal: AbortSignal): Promise<GuestLink>
}

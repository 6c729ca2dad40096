import type { Duplex } from 'node:stream'

/** uuids of the XAPI secrets that hold a VM's TLS material in PEM form, as its other_config names them. */
export interface TlsSecrets {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

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
  /** The administrator lets this guest's sshd use algorithms with SHA-1. */
  readonly oldAlgorithms?: true
  /** What proves either side to the other; only in mode `tls`. */
  readonly tls?: TlsSecrets
}

/** Until when a certificate holds, milliseconds since the epoch. */
export interface CertificateEnd {
  /** Such as `client certificate`. */
  readonly what: string
  readonly endsMs: number
}

/** How a link was made, for status, doctor and the log. */
export interface LinkFacts {
  readonly address: string
  /** Base64 of the public host key blob that the guest showed (SSH), to be pinned at first contact. */
  readonly hostKey: string | undefined
  /** How streams reach the engine: `stream-local`, `docker system dial-stdio`, `socat`, .. or `TLSv1.3`. */
  readonly rung: string
  /** The engine's socket in the guest, or `tcp://address:port`. */
  readonly socketPath: string
  /** The certificates that this link depends on; only with TLS. */
  readonly certificates?: readonly CertificateEnd[]
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

/** How far a connect has come: a machine has answered and the handshake begins, or that is over. */
export type ConnectStage = 'handshake' | 'past-handshake'

/** A way to reach guests. `connect` rejects with a DiagnosedError; on abort it leaves nothing behind. */
export interface Transport {
  readonly name: string
  /** `entered` is told how far it has come, as far as the transport can tell. */
  connect(target: Target, signal: AbortSignal, entered?: (stage: ConnectStage) => void): Promise<GuestLink>
}

import { isIP } from 'node:net'
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { linked } from '../../base/deadline.ts'
import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { CertificateEnd, ConnectStage, GuestLink, LinkFacts, Target, Transport } from '../../model/guest.ts'
import { dialTls } from './dial.ts'
import { UnreachableError } from './errors.ts'
import { endOf, type TlsMaterial } from './material.ts'
import type { TlsObserver } from './probe.ts'
import { TlsLink, type LinkOptions } from './tls-link.ts'

export interface TlsTransportDeps {
  readonly clock: Clock
  /** What proves us to this VM and its engine to us: asked for at each connect. Rejects with a DiagnosedError. */
  readonly material: (target: Target, signal: AbortSignal) => Promise<TlsMaterial>
  readonly log?: Pick<Log, 'debug'>
  /** Told what each connect comes to. */
  readonly observe?: TlsObserver
}

export interface TlsTransportLimits {
  /** TCP port of the engine in the guests. */
  readonly port: number
  /** For TCP connection and handshake together, per address. */
  readonly connectTimeoutMs: number
  /** An idle connection whose guest has gone is found out some ten seconds after this. */
  readonly keepaliveMs: number
}

/** A chain from an engine's certificate to its root is this long at most. */
const MOST_ISSUERS = 10

/** Reaches engines that listen on TCP with TLS: Docker on Windows, or any other that is set up so. */
export class TlsTransport implements Transport {
  readonly name = 'tls'
  readonly #deps: TlsTransportDeps
  readonly #limits: TlsTransportLimits

  constructor(deps: TlsTransportDeps, limits: TlsTransportLimits) {
    this.#deps = deps
    this.#limits = limits
  }

  /**
   * One dial per address until an engine has proven itself and accepted our certificate. Rejects with an UnreachableError
   * or another TransientError when a later try may help, with a RefusedError when somebody has to change something.
   */
  async connect(target: Target, signal: AbortSignal, entered?: (stage: ConnectStage) => void): Promise<GuestLink> {
    const { clock, log, observe } = this.#deps
    observe?.({ at: 'material' })
    const material = await linked(signal, (inner) => this.#deps.material(target, inner))
    const misses: DiagnosedError[] = []
    for (const address of target.addresses.filter((text) => isIP(text) !== 0)) {
      const options: LinkOptions = { ...this.#limits, address, material, ...(observe && { observe }) }
      const sessions: { last: Buffer | undefined } = { last: undefined }
      const onSession = (session: Buffer) => void (sessions.last = session)
      try {
        const first = await dialTls(clock, { ...options, prove: true, onSession, ...(entered && { entered }) }, signal)
        const facts = factsOf(first, material, address, this.#limits.port)
        return new TlsLink(clock, { ...this.#limits, address, material }, facts, first, sessions)
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof DiagnosedError)) throw error
        log?.debug({ vm: target.vmUuid, address, kind: error.diagnosis.kind }, 'engine not reached')
        misses.push(error)
      }
    }
    throw failure(target, misses)
  }
}

function factsOf(socket: TLSSocket, { ends }: TlsMaterial, address: string, port: number): LinkFacts {
  return {
    address,
    hostKey: undefined,
    rung: socket.getProtocol() ?? 'TLS',
    socketPath: `tcp://${address.includes(':') ? `[${address}]` : address}:${port}`,
    certificates: [...ends, ...chainOf(socket.getPeerX509Certificate())],
  }
}

/** The engine's certificate and those that it was verified with, up to the root. */
function chainOf(peer: X509Certificate | undefined): CertificateEnd[] {
  const ends: CertificateEnd[] = []
  for (let at = peer; at !== undefined && ends.length < MOST_ISSUERS; at = at.issuerCertificate) {
    ends.push({ what: ends.length === 0 ? "engine's certificate" : 'CA certificate', endsMs: endOf(at) })
    if (at.issuerCertificate?.fingerprint256 === at.fingerprint256) break
  }
  return ends
}

/** What is wrong at an address that answers says more than that others do not. */
function failure(target: Target, misses: readonly DiagnosedError[]): DiagnosedError {
  const [first] = misses
  if (first === undefined) {
    return new RefusedError({
      kind: 'no-address',
      cause: `No IP address is known for VM ${target.vmUuid}`,
      cure: "Install the guest tools so that it reports one, or set the VM's other-config key xscontainer-address",
    })
  }
  const telling = misses.find((miss) => !(miss instanceof UnreachableError))
  if (telling !== undefined || misses.length === 1) return telling ?? first
  return new UnreachableError({ ...first.diagnosis, cause: misses.map(({ diagnosis }) => diagnosis.cause).join('; ') })
}

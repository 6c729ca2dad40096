import type { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { abortReason, type Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { DeadlineError, type Diagnosis } from '../../base/errors.ts'
import type { ConnectStage } from '../../model/guest.ts'
import { lateError, tlsError, type TlsPhase, type TlsWhere } from './errors.ts'
import type { TlsMaterial } from './material.ts'
import type { TlsObserver } from './probe.ts'

export interface DialOptions extends TlsWhere {
  readonly material: TlsMaterial
  /** For the TCP connection and the handshake together. */
  readonly connectTimeoutMs: number
  /** An idle connection is asked for a sign of life after this, by the system. */
  readonly keepaliveMs: number
  /** A session to go on with, which spares both sides the costly part of the handshake. */
  readonly session?: Buffer | undefined
  /** Wait until it is likely that the engine accepts our certificate; it is known when it answers something. */
  readonly prove: boolean
  readonly onSession: (session: Buffer) => void
  readonly observe?: TlsObserver | undefined
  /** Told that somebody listens there and the handshake begins. */
  readonly entered?: (stage: ConnectStage) => void
}

/**
 * With TLS 1.3 the client's side is over before the server has looked at its certificate. A ticket for the next session
 * says that it was accepted; a server that gives none has this long to refuse.
 */
const PROOF_MS = 400

/**
 * One TLS connection (1.2 or newer), both sides proven. All errors of the socket, also later ones, are DiagnosedErrors.
 * Rejects with one, or with the signal's reason; leaves no socket behind then.
 */
export async function dialTls(clock: Clock, options: DialOptions, signal: AbortSignal): Promise<TLSSocket> {
  const state: { phase: TlsPhase } = { phase: 'tcp' }
  try {
    return await within(clock, options.connectTimeoutMs, signal, late, (inner) => attempt(clock, options, state, inner))
  } catch (error) {
    throw error instanceof DeadlineError && !signal.aborted ? lateError(state.phase, options) : error
  }
}

/** Stands in until it is known how far the attempt had come. */
const late: Diagnosis = { kind: 'tls-timeout', cause: 'The guest did not answer in time', cure: 'Check the guest' }

function attempt(
  clock: Clock,
  options: DialOptions,
  state: { phase: TlsPhase },
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { address, port, observe } = options
  return new Promise((resolve, reject) => {
    observe?.({ at: 'tcp', address })
    const socket = connect({
      host: address,
      port,
      secureContext: options.material.context,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(options.session && { session: options.session }),
    })
    diagnoseErrors(socket, options, state)
    socket.disableRenegotiation()
    let cancel: () => void = () => undefined
    const proven = () => {
      cancel()
      socket.off('error', failed).off('close', closed)
      resolve(socket)
    }
    const failed = (error: Error) => {
      cancel()
      reject(error)
    }
    const closed = () => failed(tlsError(new Error('it was closed'), state.phase, options, undefined))
    // A connection that nobody holds any more must not end the process.
    socket.on('error', () => undefined)
    socket.once('error', failed).once('close', closed)
    socket.on('session', options.onSession)
    socket.once('connect', () => {
      // Not before: there is no socket of the system's yet that would take it, and nobody says so.
      socket.setNoDelay(true).setKeepAlive(true, options.keepaliveMs)
      state.phase = 'handshake'
      options.entered?.('handshake')
      observe?.({ at: 'handshake', address })
    })
    socket.once('secureConnect', () => {
      // The peer's certificate can be asked for once only: OpenSSL's chain lacks it from then on.
      observe?.({ at: 'proof', address, protocol: socket.getProtocol() ?? '', peer: socket.getPeerX509Certificate() })
      state.phase = options.prove ? 'proof' : 'open'
      // Before TLS 1.3 the server's last word comes after it has looked at our certificate.
      if (!options.prove || socket.getProtocol() !== 'TLSv1.3') return proven()
      // Not within the event: OpenSSL is still reading then, and writing meanwhile garbles its records.
      socket.once('session', () => setImmediate(proven))
      cancel = clock.after(PROOF_MS, proven)
    })
    signal.addEventListener(
      'abort',
      () => {
        cancel()
        reject(abortReason(signal))
        socket.destroy()
      },
      { once: true },
    )
  })
}

/**
 * Whatever ends the socket, users read cause and cure: errors get their text where they enter it. Node hands most of
 * them to `destroy`, and emits alerts that come after the handshake without ending the socket. An engine that is loaded,
 * or that hands out tickets before it looks at certificates, hangs up when it has been asked something already.
 */
function diagnoseErrors(socket: TLSSocket, where: TlsWhere, state: { phase: TlsPhase }): void {
  const destroy = socket.destroy.bind(socket)
  const emit = socket.emit.bind(socket) as (...args: unknown[]) => boolean
  socket.destroy = (error?: Error | null) => destroy(error ? diagnosed(error) : undefined)
  const diagnosed = (error: Error) => tlsError(error, state.phase, where, peerOf(socket))
  socket.emit = (event: string | symbol, ...args: unknown[]) => {
    const [error] = args
    if (event === 'data' && state.phase === 'proof') state.phase = 'open'
    if (event === 'end' && state.phase === 'proof') {
      socket.destroy(new Error('it hung up'))
      return true
    }
    if (event !== 'error' || !(error instanceof Error) || error === socket.errored) return emit(event, ...args)
    socket.destroy(error)
    return true
  }
}

function peerOf(socket: TLSSocket): X509Certificate | undefined {
  try {
    return socket.getPeerX509Certificate()
  } catch {
    return undefined
  }
}

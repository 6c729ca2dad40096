import { connect, type Socket } from 'node:net'
import ssh2, { type Client, type ConnectConfig } from 'ssh2'
import { abortReason, type Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { DeadlineError, type Diagnosis } from '../../base/errors.ts'
import { algorithmsFor, signaturesWithoutSha1 } from './algorithms.ts'
import { dialError, floodError, lateError, type DialPhase, type DialState, type Where } from './errors.ts'
import { guardClient } from './guard-client.ts'
import { HostKeyJudge } from './host-key.ts'
import { keyLogin, type Login } from './login.ts'
import type { SshObserver } from './probe.ts'
import { SshConnection } from './ssh-connection.ts'
import type { SshKey } from './ssh-key.ts'
import type { WorkShare } from './work-share.ts'

/** RFC 4253, 4.2 lets a server send lines before its version; where one does, it is a few hundred bytes. */
const MOST_BEFORE_VERSION = 8 * 1024
/** Key exchange and login with sshd take some 8 KB; the rest is room for a login banner. */
const MOST_BEFORE_LOGIN = 256 * 1024
const VERSION_LINE = /(?:^|\n)SSH-(?:2\.0|1\.99)-[^\n]*\n/

export interface DialWithOptions extends Where {
  /** Base64 blob the guest must show; undefined: any. */
  readonly pinnedHostKey: string | undefined
  readonly connectTimeoutMs: number
  /** After so long without a packet the system asks the other side's for one, ten times; undefined: never. */
  readonly keepaliveMs?: number
  readonly observe?: SshObserver | undefined
  /** Bounds what the connection may cost us; undefined: nothing does. */
  readonly work?: WorkShare
}

export interface DialOptions extends DialWithOptions {
  readonly key: SshKey
}

/**
 * One TCP connection, one SSH handshake, one login with the key, all within `connectTimeoutMs`. Rejects with a
 * DiagnosedError; leaves no socket behind when it fails or is aborted.
 */
export function dial(clock: Clock, options: DialOptions, signal: AbortSignal): Promise<SshConnection> {
  return dialWith(clock, { ...options, login: keyLogin(options.key) }, signal)
}

/** The same with any other proof of who logs in. */
export async function dialWith(clock: Clock, options: WithLogin, signal: AbortSignal): Promise<SshConnection> {
  const state: DialState = { phase: 'tcp', opening: '', offered: undefined, partial: false }
  options.observe?.({ at: 'tcp', address: options.address })
  try {
    return await within(clock, options.connectTimeoutMs, signal, late, (inner) => attempt(clock, options, state, inner))
  } catch (error) {
    throw error instanceof DeadlineError && !signal.aborted ? lateError(state, options) : error
  }
}

type WithLogin = DialWithOptions & { readonly login: Login }

/** Stands in until it is known how far the attempt had come. */
const late: Diagnosis = { kind: 'ssh-timeout', cause: 'The guest did not answer in time', cure: 'Check the guest' }

function attempt(clock: Clock, options: WithLogin, state: DialState, signal: AbortSignal): Promise<SshConnection> {
  return new Promise((resolve, reject) => {
    const judge = new HostKeyJudge({ ...options, pinned: options.pinnedHostKey })
    // Nagle would hold each small packet back until the one before is acknowledged: 45 ms per request instead of 1
    const socket = connect({ host: options.address, port: options.port, noDelay: true })
    if (options.keepaliveMs !== undefined) socket.setKeepAlive(true, options.keepaliveMs)
    const client = new ssh2.Client()
    const fail = (error: Error) => {
      reject(error)
      socket.destroy()
    }
    const failed = (error?: Error) => fail(judge.refusal ?? dialError(error, state, options, options.login.refused))
    const flooded = (does?: string) => socket.destroy(floodError(options, does))
    const enter = (phase: DialPhase, said = '') => {
      state.phase = phase
      options.observe?.({ at: phase, address: options.address, said })
    }
    const follow = follower(state, enter, () => socket.destroy(), flooded)
    socket.once('connect', () => enter('banner')).on('data', follow)
    client.on('error', failed).on('close', failed)
    client.on('handshake', () => enter('login', judge.accepted))
    signal.addEventListener('abort', () => fail(abortReason(signal)), { once: true })
    client.once('ready', () => {
      client.off('error', failed).off('close', failed)
      socket.off('data', follow)
      options.work?.watch(socket)
      resolve(SshConnection.over(clock, client, socket, options, judge))
    })
    start(client, socket, options, state, judge)
    guardClient(client, clock, flooded)
  })
}

function start(client: Client, socket: Socket, options: WithLogin, state: DialState, judge: HostKeyJudge): void {
  const handler = options.login.handler(options.username, state, (error) =>
    socket.destroy(error ?? options.login.refused(state, options)),
  )
  const config: ConnectConfig = {
    sock: socket,
    username: options.username,
    algorithms: algorithmsFor(options.pinnedHostKey, options.oldAlgorithms),
    readyTimeout: 0, // the deadline of `dial` covers it
    hostVerifier: (blob: Buffer) => judge.accepts(blob),
    authHandler: options.oldAlgorithms ? handler : signaturesWithoutSha1(handler),
  }
  client.connect(config)
}

/** Watches what comes in before the login: how far we are, and that it stays within bounds. */
function follower(
  state: DialState,
  enter: (phase: DialPhase, said: string) => void,
  noServer: () => void,
  flooded: () => void,
): (chunk: Buffer) => void {
  let bytes = 0
  return (chunk) => {
    bytes += chunk.length
    if (state.phase === 'banner') {
      state.opening += chunk.toString('latin1')
      const version = VERSION_LINE.exec(state.opening)?.[0]
      if (version !== undefined) {
        state.opening = ''
        enter('handshake', version.trim())
      } else if (bytes > MOST_BEFORE_VERSION) noServer()
    } else if (bytes > MOST_BEFORE_LOGIN) flooded()
  }
}

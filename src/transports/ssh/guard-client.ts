import { EventEmitter } from 'node:events'
import type { Client } from 'ssh2'
import type { Clock } from '../../base/clock.ts'
import { TokenBucket } from '../../base/token-bucket.ts'
import { promptCount } from './prompt-count.ts'

/** No server has a reason to open channels to us, as we ask for no forwarding. */
const MOST_CHANNEL_OPENS = 64
/** One for each key and each way to sign with it: a signature with RSA takes us milliseconds. */
const MOST_SIGNATURES = 8
/** OpenSSH's default is after 1 GB or more; a RekeyLimit by time makes sense in minutes. */
const KEY_EXCHANGES = { perSecond: 1 / 30, burst: 8 }
/** Messages that bring no data: a channel makes four, an administrator's ClientAliveInterval one each second at most. */
const EMPTY_MESSAGES = { perSecond: 50, burst: 2000 }
/** A password and a second factor are two. */
const MOST_PROMPTS = 64
/** RFC 4253, 6.1 wants 32,768 of everybody. Of 0 bytes ssh2 would send packets for ever, in one turn of the event loop. */
const LEAST_PACKET = 1024

type Handler = (...args: unknown[]) => void
type Name =
  | 'GLOBAL_REQUEST'
  | 'CHANNEL_OPEN'
  | 'CHANNEL_OPEN_CONFIRMATION'
  | 'CHANNEL_DATA'
  | 'CHANNEL_EXTENDED_DATA'
  | 'CHANNEL_WINDOW_ADJUST'
  | 'USERAUTH_PK_OK'
type Handlers = Partial<Record<Name, Handler>>

/** What is used of ssh2's client beside its interface: lib/client.js of 1.17. */
interface Internals {
  readonly _protocol?: Protocol
  /** What waits for answers to global requests, in their order. */
  readonly _callbacks?: (() => void)[]
  readonly _chanMgr?: Channels
}

interface Protocol {
  readonly _handlers?: Handlers
  _onPacket?: () => void
  /** Given each payload that was encrypted, before it is taken apart. */
  _onPayload?: (payload: Buffer) => unknown
  ping?(): void
}

interface Channels {
  get(id: number): OpenChannel | undefined
}

/** What there is of a channel once it is open. */
interface OpenChannel {
  readonly incoming?: { readonly window?: number; readonly state?: string }
  readonly stderr?: EventEmitter
}

/** Sends keepalive@openssh.com, which every server answers. ssh2 has this on a timer for each connection only. */
export function ping(client: Client): void {
  const { _protocol, _callbacks } = client as unknown as Internals
  _callbacks?.push(() => undefined)
  _protocol?.ping?.()
}

/**
 * Keeps a guest from making us work or hold data without measure; call right after `connect`. `flooded` is told what it
 * does, and has to end the connection: ssh2 still hands over what has come already. ssh2 has no options for these, so
 * its message handlers are wrapped:
 * - OpenSSH tells its host keys after each login (hostkeys-00@openssh.com). ssh2 would parse them all, have the guest
 *   sign for each and verify the signatures: 2.5 ms of our CPU per connect, for a list nobody reads.
 * - Channels opened towards us are rejected by ssh2; too many end the connection.
 * - Data beyond the window that was granted (RFC 4254, 5.2) end the connection: ssh2 would store them. So do data after
 *   the end of data (5.3), which ssh2 makes an error of a stream that nobody listens to, and data for nobody.
 * - Nobody answers dozens of questions: ssh2 makes room for as many as are announced before it looks for them.
 * - A channel that takes no packets of a sensible size is none.
 * - Requests for a signature, key exchanges and messages that bring no data are bounded in number.
 * Where another version of ssh2 is built differently, nothing is changed; the tests then say so.
 */
export function guardClient(
  client: Client,
  clock: Pick<Clock, 'monotonic' | 'sleep'>,
  flooded: (does: string) => void,
): void {
  const { _protocol: protocol, _chanMgr: channels } = client as unknown as Internals
  const handlers = protocol?._handlers
  if (protocol === undefined || handlers === undefined || channels === undefined) return
  wrap(handlers, 'GLOBAL_REQUEST', () => refuseGlobal)
  atMost(handlers, 'CHANNEL_OPEN', MOST_CHANNEL_OPENS, () => flooded('it opens channels to us'))
  atMost(handlers, 'USERAUTH_PK_OK', MOST_SIGNATURES, () => flooded('it wants signature after signature'))
  wrap(handlers, 'CHANNEL_OPEN_CONFIRMATION', (confirm) => (self, info) => {
    const { packetSize, recipient } = info as { packetSize: number; recipient: number }
    if (packetSize < LEAST_PACKET) return flooded('it opens a channel that takes no packets')
    confirm(self, info)
    neverThrows(channels.get(recipient))
  })
  guardData(handlers, channels, flooded)
  guardPrompts(protocol, flooded)
  const empty = new TokenBucket(clock, EMPTY_MESSAGES.perSecond, EMPTY_MESSAGES.burst)
  protocol._onPacket = () => {
    empty.spend(1)
    if (empty.debt > 1) flooded('it sends messages without end that bring nothing')
  }
  giveBack(handlers, empty)
  const exchanges = new TokenBucket(clock, KEY_EXCHANGES.perSecond, KEY_EXCHANGES.burst)
  client.on('handshake', () => {
    exchanges.spend(1)
    if (exchanges.debt > 0) flooded('it starts one key exchange after the other')
  })
}

/**
 * A session is nobody's until its command is answered, and its standard error is never anybody's: an error of theirs
 * would be one of this process.
 */
function neverThrows(channel: OpenChannel | undefined): void {
  if (!(channel instanceof EventEmitter)) return
  channel.on('error', () => undefined)
  channel.stderr?.on('error', () => undefined)
}

function guardData(handlers: Handlers, channels: Channels, flooded: (does: string) => void): void {
  const bounded = (handle: Handler): Handler => {
    return (self, id, data, ...rest) => {
      const channel = channels.get(id as number)
      const { window = Infinity, state = 'open' } = channel?.incoming ?? {}
      const { length } = data as Buffer
      if (channel === undefined && length > 0) flooded('it sends data for a channel that there is not')
      else if (state !== 'open') flooded('it goes on after it said that this was the end')
      else if (length > window) flooded('it sends more than it was granted')
      else handle(self, id, data, ...rest)
    }
  }
  wrap(handlers, 'CHANNEL_DATA', bounded)
  wrap(handlers, 'CHANNEL_EXTENDED_DATA', bounded)
}

function guardPrompts(protocol: Protocol, flooded: (does: string) => void): void {
  const handle = protocol._onPayload
  if (handle === undefined) return
  protocol._onPayload = (payload) =>
    promptCount(payload) > MOST_PROMPTS ? flooded('it asks more than anybody would answer') : handle(payload)
}

/** Data, and room for ours, are what a connection is for: their number has no bound, only what they cost. */
function giveBack(handlers: Handlers, empty: TokenBucket): void {
  const worth = (handle: Handler): Handler => {
    return (self, id, data, ...rest) => {
      if (typeof data === 'number' || (data as Buffer).length > 0) empty.spend(-1)
      handle(self, id, data, ...rest)
    }
  }
  for (const name of ['CHANNEL_DATA', 'CHANNEL_EXTENDED_DATA', 'CHANNEL_WINDOW_ADJUST'] as const)
    wrap(handlers, name, worth)
}

function atMost(handlers: Handlers, name: Name, most: number, tooMany: () => void): void {
  let count = 0
  wrap(
    handlers,
    name,
    (handle) =>
      (...args) =>
        ++count > most ? tooMany() : handle(...args),
  )
}

function wrap(handlers: Handlers, name: Name, by: (handle: Handler) => Handler): void {
  const handle = handlers[name]
  if (handle !== undefined) handlers[name] = by(handle)
}

/** Also the answer that an sshd's keepalives want. */
function refuseGlobal(protocol: unknown, _name: unknown, wantReply: unknown): void {
  if (wantReply === true) (protocol as { requestFailure(): void }).requestFailure()
}

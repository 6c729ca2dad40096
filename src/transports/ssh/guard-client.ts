import type { Client } from 'ssh2'

/** No server has a reason to open channels to us, as we ask for no forwarding. */
const MOST_CHANNEL_OPENS = 64

type Handler = (...args: unknown[]) => void
type Name = 'GLOBAL_REQUEST' | 'CHANNEL_OPEN' | 'CHANNEL_DATA' | 'CHANNEL_EXTENDED_DATA'

/** What is used of ssh2's client beside its interface: lib/client.js of 1.17. */
interface Internals {
  readonly _protocol?: { readonly _handlers?: Partial<Record<Name, Handler>>; ping?(): void }
  /** What waits for answers to global requests, in their order. */
  readonly _callbacks?: (() => void)[]
  readonly _chanMgr?: { get(id: number): { readonly incoming?: { readonly window?: number } } | undefined }
}

/** Sends keepalive@openssh.com, which every server answers. ssh2 has this on a timer for each connection only. */
export function ping(client: Client): void {
  const { _protocol, _callbacks } = client as unknown as Internals
  _callbacks?.push(() => undefined)
  _protocol?.ping?.()
}

/**
 * Keeps a guest from making us work or hold data without measure; call right after `connect`. ssh2 has no options for
 * these, so its message handlers are wrapped:
 * - OpenSSH tells its host keys after each login (hostkeys-00@openssh.com). ssh2 would parse them all, have the guest
 *   sign for each and verify the signatures: 2.5 ms of our CPU per connect, for a list nobody reads.
 * - Channels opened towards us are rejected by ssh2; too many end the connection.
 * - Data beyond the window that was granted (RFC 4254, 5.2) end the connection: ssh2 would store them.
 * Where another version of ssh2 is built differently, nothing is changed; the tests then say so.
 */
export function guardClient(client: Client, flooded: () => void): void {
  const { _protocol, _chanMgr: channels } = client as unknown as Internals
  const handlers = _protocol?._handlers
  if (handlers === undefined || channels === undefined) return
  const bounded = (handle: Handler): Handler => {
    return (protocol, id, data, ...rest) => {
      const window = channels.get(id as number)?.incoming?.window
      if (window !== undefined && (data as Buffer).length > window) flooded()
      else handle(protocol, id, data, ...rest)
    }
  }
  let opens = 0
  wrap(handlers, 'GLOBAL_REQUEST', () => refuseGlobal)
  wrap(
    handlers,
    'CHANNEL_OPEN',
    (reject) =>
      (...args) =>
        ++opens > MOST_CHANNEL_OPENS ? flooded() : reject(...args),
  )
  wrap(handlers, 'CHANNEL_DATA', bounded)
  wrap(handlers, 'CHANNEL_EXTENDED_DATA', bounded)
}

function wrap(handlers: Partial<Record<Name, Handler>>, name: Name, by: (handle: Handler) => Handler): void {
  const handle = handlers[name]
  if (handle !== undefined) handlers[name] = by(handle)
}

/** Also the answer that an sshd's keepalives want. */
function refuseGlobal(protocol: unknown, _name: unknown, wantReply: unknown): void {
  if (wantReply === true) (protocol as { requestFailure(): void }).requestFailure()
}

import type { Client } from 'ssh2'

/** No server has a reason to open channels to us, as we ask for no forwarding. */
const MOST_CHANNEL_OPENS = 64

interface Handlers {
  GLOBAL_REQUEST: (protocol: { requestFailure(): void }, name: string, wantReply: boolean) => void
  CHANNEL_OPEN: (...args: unknown[]) => void
}

/**
 * Keeps a guest from making us work; call right after `connect`. OpenSSH tells its host keys after each login
 * (hostkeys-00@openssh.com), and ssh2 then parses them all, has the guest sign for each, and verifies the signatures:
 * 2.5 ms of our CPU per connect, for a list nobody reads. Channels opened towards us are rejected, and too many end the
 * connection. ssh2 has no option for either, so this reaches into its client (lib/client.js of 1.17: `_protocol`, made
 * with `messageHandlers`); where another version has no such thing, nothing is changed. Tells whether it was.
 */
export function ignoreUnsolicited(client: Client, flooded: () => void): boolean {
  const handlers = (client as { _protocol?: { _handlers?: Partial<Handlers> } })._protocol?._handlers
  const reject = handlers?.CHANNEL_OPEN
  if (handlers === undefined || reject === undefined || handlers.GLOBAL_REQUEST === undefined) return false
  let opens = 0
  handlers.GLOBAL_REQUEST = (protocol, _name, wantReply) => {
    if (wantReply) protocol.requestFailure() // also the right answer to the keepalives of an sshd
  }
  handlers.CHANNEL_OPEN = (...args) => {
    if (++opens > MOST_CHANNEL_OPENS) flooded()
    else reject(...args)
  }
  return true
}

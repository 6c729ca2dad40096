import type { Socket } from 'node:net'
import type { Behaviour } from '../faults.ts'

/** How far the guest goes before it falls silent, and how many packets it sends until then. */
const PACKETS = {
  /** TCP only. */
  connected: 0,
  /** The SSH version line. */
  greeted: 1,
  /** Its list of algorithms. */
  offered: 2,
  /** The whole key exchange; nothing answers the request to log in. */
  encrypted: 5,
  /** All but the answer to a login. */
  login: Infinity,
} as const

export function stalledHandshake(step: keyof typeof PACKETS): Behaviour {
  return {
    name: `stalled-handshake-${step}`,
    summary: `The SSH handshake stalls for ever at the step "${step}".`,
    begin: () => ({
      socket(socket) {
        if (step === 'connected') socket.resume()
        else muteAfter(socket, PACKETS[step])
        return step === 'connected'
      },
      login: () => (step === 'login' ? 'silence' : undefined),
    }),
  }
}

/** Lets through so many writes, one for each packet, and swallows the rest. */
function muteAfter(socket: Socket, packets: number): void {
  const write: (data: Uint8Array) => boolean = socket.write.bind(socket)
  let sent = 0
  socket.write = (data: Uint8Array | string) => ++sent > packets || write(Buffer.from(data))
}

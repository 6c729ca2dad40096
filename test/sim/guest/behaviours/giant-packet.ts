import type { Behaviour } from '../faults.ts'
import { onceReady } from './parts/once-ready.ts'

export function giantPacket(): Behaviour {
  const summary = 'After the login comes a packet that says it has 2 GB.'
  return onceReady({ name: 'giant-packet', summary }, ({ socket }) => {
    // AES-GCM leaves the length in the clear (RFC 5647, 7.3).
    socket.write(Buffer.concat([Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(64 * 1024, 'x')]))
  })
}

import type { Behaviour } from '../faults.ts'
import { MESSAGE, payload } from '../ssh-wire.ts'
import { onceReady } from './parts/once-ready.ts'

export function channelOpenStorm(): Behaviour {
  const summary = 'The SSH server opens channels to its client, thousands of them.'
  return onceReady({ name: 'channel-open-storm', summary }, (wire) => {
    wire.flood(payload(MESSAGE.channelOpen, 'forwarded-tcpip', 1, 2 ** 31, 32_768, '127.0.0.1', 80, '127.0.0.1', 1))
  })
}

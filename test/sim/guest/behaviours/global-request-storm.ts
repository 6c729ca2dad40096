import type { Behaviour } from '../faults.ts'
import { MESSAGE, payload } from '../ssh-wire.ts'
import { onceReady } from './parts/once-ready.ts'

export function globalRequestStorm(name = 'hostkeys-00@openssh.com'): Behaviour {
  const summary = 'The SSH server sends global requests that want an answer, as fast as they are read.'
  return onceReady({ name: 'global-request-storm', summary }, (wire) => {
    wire.flood(payload(MESSAGE.globalRequest, name, true))
  })
}

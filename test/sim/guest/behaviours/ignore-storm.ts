import type { Behaviour } from '../faults.ts'
import { MESSAGE, payload } from '../ssh-wire.ts'
import { onceReady } from './parts/once-ready.ts'

export function ignoreStorm(): Behaviour {
  const summary = 'The SSH server sends messages that are to be ignored, as fast as they are read.'
  return onceReady({ name: 'ignore-storm', summary }, (wire) => wire.flood(payload(MESSAGE.ignore, 'x')))
}

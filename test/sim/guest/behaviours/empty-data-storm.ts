import type { Behaviour } from '../faults.ts'
import { MESSAGE, payload } from '../ssh-wire.ts'
import { onceReady } from './parts/once-ready.ts'

export function emptyDataStorm(): Behaviour {
  const summary = 'The SSH server sends data of 0 bytes for a channel, as fast as it is read.'
  return onceReady({ name: 'empty-data-storm', summary }, (wire) => wire.flood(payload(MESSAGE.channelData, 0, '')))
}

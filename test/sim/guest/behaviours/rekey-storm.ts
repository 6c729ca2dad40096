import type { Behaviour } from '../faults.ts'
import { onceReady } from './parts/once-ready.ts'

export function rekeyStorm(): Behaviour {
  const summary = 'The SSH server exchanges keys anew as soon as the last exchange is over.'
  return onceReady({ name: 'rekey-storm', summary }, (wire, client) => {
    const again = () => {
      if (wire.open) client.rekey(again)
    }
    again()
  })
}

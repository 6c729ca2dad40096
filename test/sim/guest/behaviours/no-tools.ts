import type { Behaviour } from '../faults.ts'
import { noStreamLocal } from './no-stream-local.ts'

export function noTools(): Behaviour {
  return {
    name: 'no-tools',
    summary:
      'No forwarding of unix sockets, and neither docker, socat, ncat nor nc in the guest: no way to the engine.',
    begin(guest) {
      const { tools } = guest
      guest.tools = []
      return { ...noStreamLocal().begin(guest), end: () => void (guest.tools = tools) }
    },
  }
}

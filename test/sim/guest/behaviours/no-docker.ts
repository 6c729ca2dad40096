import type { Behaviour } from '../faults.ts'

export function noDocker(): Behaviour {
  return {
    name: 'no-docker',
    summary: 'There is no engine socket in the guest.',
    begin(guest) {
      const { sockets } = guest
      guest.sockets = []
      return { end: () => void (guest.sockets = sockets) }
    },
  }
}

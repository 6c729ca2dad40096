import type { Behaviour } from '../faults.ts'

export function socketForbidden(): Behaviour {
  return {
    name: 'socket-forbidden',
    summary: 'The engine socket is there, but the user is in none of the groups that may open it.',
    begin(guest) {
      const { sockets } = guest
      guest.sockets = sockets.map(({ path }) => ({ path, groups: [] }))
      return { end: () => void (guest.sockets = sockets) }
    },
  }
}

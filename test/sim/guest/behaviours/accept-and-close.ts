import type { Behaviour } from '../faults.ts'

export function acceptAndClose(): Behaviour {
  return {
    name: 'accept-and-close',
    summary: 'The SSH port takes a connection and closes it at once, as with MaxStartups or TCP wrappers.',
    begin: () => ({
      socket(socket) {
        // Unread, what the client has sent would keep the socket from closing.
        socket.resume().end()
        return true
      },
    }),
  }
}

import type { Behaviour } from '../faults.ts'

export function hostKeyFlapping(): Behaviour {
  return {
    name: 'host-key-flapping',
    summary: 'Each connection meets another host key; the first one is cut soon after the login.',
    begin: () => ({
      socket(_socket, guest) {
        guest.rotateHostKey()
        return false
      },
      connection(client) {
        client.on('ready', () => void setTimeout(() => client.end(), 2000))
      },
    }),
  }
}

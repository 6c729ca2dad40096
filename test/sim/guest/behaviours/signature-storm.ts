import type { Behaviour } from '../faults.ts'
import { MESSAGE, payload } from '../ssh-wire.ts'

export function signatureStorm(times = 5000): Behaviour {
  return {
    name: 'signature-storm',
    summary: 'The SSH server says again and again that it would take the key, and wants a signature each time.',
    begin: () => ({
      connection(client, wire) {
        client.on('authentication', (context) => {
          if (context.method !== 'publickey') return
          const accepted = payload(MESSAGE.authPkOk, context.key.algo, context.key.data)
          for (let i = 0; i < times; i++) wire.send(accepted)
        })
      },
      login: () => 'silence',
    }),
  }
}

import type { Connection } from 'ssh2'
import type { Behaviour } from '../../faults.ts'
import type { GuestSim } from '../../guest-sim.ts'
import type { SshWire } from '../../ssh-wire.ts'

/** A fault that begins in each connection when the client has logged in. */
export function onceReady(
  about: Pick<Behaviour, 'name' | 'summary'>,
  act: (wire: SshWire, client: Connection, guest: GuestSim) => void,
): Behaviour {
  return {
    ...about,
    begin: () => ({
      connection(client, wire, guest) {
        client.on('ready', () => act(wire, client, guest))
      },
    }),
  }
}

import type { ServerChannel } from 'ssh2'
import type { Behaviour } from '../sim/guest/faults.ts'
import type { GuestSim } from '../sim/guest/guest-sim.ts'

const PATHS = ['/var/run/docker.sock', '/run/podman/podman.sock', '/run/docker.sock']
const STATES = { open: 'ok', missing: 'missing', forbidden: 'denied' } as const

/** The guest has a shell that answers the daemon's question about sockets and helpers, as the real ones do. */
export function answersDiagnosis(user = 'core'): Behaviour {
  return {
    name: 'answers-diagnosis',
    summary: 'The diagnostic command is answered from what the guest is; every other command as before.',
    begin: () => ({
      exec(command, channel, guest) {
        if (!command.includes('xsc:end:')) return false
        answer(channel, guest, user)
        return true
      },
    }),
  }
}

function answer(channel: ServerChannel, guest: GuestSim, user: string): void {
  const listening = guest.engine.up ? 'yes' : 'no'
  const sockets = PATHS.map((path) => `xsc:socket:${STATES[guest.socketFor(user, path)]}:${listening}:${path}`)
  const lines = [`xsc:user:${user}`, ...sockets, ...guest.tools.map((tool) => `xsc:tool:${tool}`), 'xsc:end:']
  channel.write(lines.map((line) => `${line}\n`).join(''))
  channel.exit(0)
  channel.end()
}

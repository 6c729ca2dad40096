import type { Behaviour } from '../faults.ts'

/** What OpenSSH does with `AllowStreamLocalForwarding no`: the same answer as for a missing socket. */
export function noStreamLocal(): Behaviour {
  return {
    name: 'no-stream-local',
    summary: 'sshd does not forward unix sockets (AllowStreamLocalForwarding no): every such channel is `open failed`.',
    begin: () => ({
      streamLocal(request) {
        request.refuse()
        return true
      },
    }),
  }
}

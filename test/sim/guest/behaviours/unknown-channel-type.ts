import type { Behaviour } from '../faults.ts'

const UNKNOWN_CHANNEL_TYPE = 3

export function unknownChannelType(): Behaviour {
  return {
    name: 'unknown-channel-type',
    summary: 'An SSH server that is not OpenSSH does not know channels to unix sockets (reason 3, no text).',
    begin: () => ({
      streamLocal(request) {
        request.refuse(UNKNOWN_CHANNEL_TYPE, '')
        return true
      },
    }),
  }
}

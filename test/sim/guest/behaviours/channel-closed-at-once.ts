import type { Behaviour } from '../faults.ts'

export function channelClosedAtOnce(): Behaviour {
  return {
    name: 'channel-closed-at-once',
    summary: 'A channel to the engine socket opens and is closed before anything was said.',
    begin: () => ({
      streamLocal(request) {
        request.accept().destroy()
        return true
      },
    }),
  }
}

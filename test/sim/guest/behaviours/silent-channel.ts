import type { Behaviour } from '../faults.ts'

export function silentChannel(): Behaviour {
  return {
    name: 'silent-channel',
    summary: 'A channel to the engine socket opens and then carries nothing.',
    begin: () => ({
      streamLocal(request) {
        request.accept().resume()
        return true
      },
    }),
  }
}

import type { Behaviour } from '../faults.ts'

export function noWindow(): Behaviour {
  return {
    name: 'no-window',
    summary: 'Channels open with a window of 0 bytes that never grows: a request can never be sent.',
    begin: () => ({ connection: (_client, wire) => wire.confirmWith({ window: 0 }) }),
  }
}

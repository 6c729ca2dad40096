import type { Behaviour } from '../faults.ts'

export function noPackets(): Behaviour {
  return {
    name: 'no-packets',
    summary: 'Channels open, but take packets of 0 bytes only.',
    begin: () => ({ connection: (_client, wire) => wire.confirmWith({ packetSize: 0 }) }),
  }
}

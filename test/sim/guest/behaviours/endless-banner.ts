import type { Behaviour } from '../faults.ts'
import { pour } from './parts/pour.ts'

export function endlessBanner(): Behaviour {
  return {
    name: 'endless-banner',
    summary: 'Lines of text come before the SSH version for ever, so the handshake never begins.',
    begin: () => ({
      socket(socket) {
        pour(socket, `${'Welcome to this machine. '.repeat(40)}\r\n`)
        return true
      },
    }),
  }
}

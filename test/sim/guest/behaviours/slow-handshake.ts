import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Behaviour } from '../faults.ts'

export function slowHandshake(everyMs = 50): Behaviour {
  return {
    name: 'slow-handshake',
    summary: 'All that the SSH server says comes byte by byte: never silent, never done.',
    begin: () => ({
      socket(socket) {
        dribble(socket, everyMs)
        return false
      },
    }),
  }
}

function dribble(socket: Socket, everyMs: number): void {
  const write: (data: Uint8Array) => boolean = socket.write.bind(socket)
  let last: Promise<void> = Promise.resolve()
  socket.write = (data: Uint8Array | string) => {
    last = last.then(async () => {
      for (const byte of Buffer.from(data)) {
        if (!socket.writable) return
        write(Buffer.from([byte]))
        await sleep(everyMs, undefined, { ref: false })
      }
    })
    return true
  }
}

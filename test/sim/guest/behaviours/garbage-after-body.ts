import type { Behaviour } from '../faults.ts'
import { EVERY_PATH } from './parts/paths.ts'

const FORGED = JSON.stringify([{ Id: 'f'.repeat(64), Names: ['/forged'], State: 'running', Status: 'Up 1 hour' }])

/** Comes when the client may have its next question on the way: it must not be taken for the answer to that. */
export function garbageAfterBody(): Behaviour {
  return {
    name: 'garbage-after-body',
    summary: 'After each answer comes one that nobody has asked for, on the same connection.',
    begin: () => ({
      engine: {
        request(req, res) {
          if (!EVERY_PATH.test(req.url ?? '') || /\/events/.test(req.url ?? '')) return false
          const { socket } = req
          res.once('finish', () =>
            setTimeout(() => {
              if (socket.writable) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${FORGED.length}\r\n\r\n${FORGED}`)
            }, 5),
          )
          return false
        },
      },
    }),
  }
}

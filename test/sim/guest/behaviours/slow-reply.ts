import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

const BODY = Buffer.from(
  JSON.stringify([{ Id: 'a'.repeat(64), Names: ['/slow'], State: 'running', Status: 'Up 1 hour' }]),
)

/** `everyMs` on the engine's clock. */
export function slowReply(paths: Paths = EVERY_PATH, everyMs = 1000): Behaviour {
  const summary = 'Answers come one byte a second: never idle for long, never done.'
  return replaceReply({ name: 'slow-reply', summary }, paths, (res, { clock }) => {
    let sent = 0
    let cancel = () => undefined as void
    const next = () => {
      res.write(BODY.subarray(sent, ++sent))
      if (sent < BODY.length) cancel = clock.after(everyMs, next)
      else res.end()
    }
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': BODY.length }).flushHeaders()
    cancel = clock.after(everyMs, next)
    res.on('close', () => cancel())
  })
}

import type { Behaviour } from '../faults.ts'
import { EVERY_PATH, type Paths } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

const MESSAGE = 'layer does not exist: open /var/lib/docker/image/overlay2: input/output error'

export function serverError(paths: Paths = EVERY_PATH, status = 500, message = MESSAGE): Behaviour {
  const summary = 'Every answer is HTTP 500 with a message in JSON.'
  return replaceReply({ name: 'server-error', summary }, paths, (res) => {
    res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message }))
  })
}

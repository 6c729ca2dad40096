import type { Behaviour } from '../faults.ts'
import { rawReply } from './parts/raw-reply.ts'

export function negativeContentLength(): Behaviour {
  const summary = 'The answer says `Content-Length: -1`.'
  return rawReply({ name: 'negative-content-length', summary }, (stream) => {
    stream.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n[]')
  })
}

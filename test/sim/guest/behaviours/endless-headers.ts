import type { Behaviour } from '../faults.ts'
import { pour } from './parts/pour.ts'
import { rawReply } from './parts/raw-reply.ts'

export function endlessHeaders(): Behaviour {
  const summary = 'The header of the answer never ends: field after field, for ever.'
  return rawReply({ name: 'endless-headers', summary }, (stream) => {
    stream.write('HTTP/1.1 200 OK\r\n')
    pour(stream, `X-Filler: ${'f'.repeat(100)}\r\n`)
  })
}

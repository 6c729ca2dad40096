import type { Behaviour } from '../faults.ts'
import { EVENTS } from './parts/paths.ts'
import { pour } from './parts/pour.ts'
import { replaceReply } from './parts/replace-reply.ts'

export function endlessEventLine(): Behaviour {
  const summary = 'The event stream sends bytes for ever and never a newline.'
  return replaceReply({ name: 'endless-event-line', summary }, EVENTS, (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' })
    res.write('{"Type":"container","Action":"')
    pour(res, 'x')
  })
}

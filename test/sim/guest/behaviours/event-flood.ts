import type { Behaviour } from '../faults.ts'
import { EVENTS } from './parts/paths.ts'
import { pour } from './parts/pour.ts'
import { replaceReply } from './parts/replace-reply.ts'

export function eventFlood(action = 'exec_start: /bin/true'): Behaviour {
  const summary = 'Well-formed container events come as fast as the client reads.'
  return replaceReply({ name: 'event-flood', summary }, EVENTS, (res) => {
    const Actor = { ID: 'f'.repeat(64), Attributes: { name: 'busy', image: 'busy' } }
    res.writeHead(200, { 'Content-Type': 'application/json' })
    pour(res, `${JSON.stringify({ Type: 'container', Action: action, Actor, time: 1, timeNano: 1 })}\n`)
  })
}

import type { Behaviour } from '../faults.ts'
import { EVENTS } from './parts/paths.ts'
import { pour } from './parts/pour.ts'
import { replaceReply } from './parts/replace-reply.ts'

const ACTIONS = ['start', 'die', 'pause', 'destroy', 'health_status: unhealthy'] as const

/** Each tells of another container, and none of them is in the list. */
export function ghostEvents(): Behaviour {
  const summary = 'Events tell of containers that do not exist, as fast as the client reads.'
  return replaceReply({ name: 'ghost-events', summary }, EVENTS, (res) => {
    const lines = Array.from({ length: 500 }, (_, i) => {
      const Actor = { ID: String(i).padStart(64, '0'), Attributes: { name: `ghost-${i}` } }
      return `${JSON.stringify({ Type: 'container', Action: ACTIONS[i % ACTIONS.length], Actor, time: 1 })}\n`
    })
    res.writeHead(200, { 'Content-Type': 'application/json' })
    pour(res, lines.join(''))
  })
}

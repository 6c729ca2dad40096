import type { Behaviour } from '../faults.ts'
import { EVENTS } from './parts/paths.ts'
import { replaceReply } from './parts/replace-reply.ts'

/** Cuts fall inside JSON and inside a character of several bytes; the last event stays a half one. */
export function halfEvents(): Behaviour {
  const summary =
    'Events arrive in pieces of seven bytes, two in one piece at times, and the stream ends within the last.'
  return replaceReply({ name: 'half-events', summary }, EVENTS, (res, { clock }) => {
    const bytes = Buffer.from(`${line('start')}${line('die')}${line('destroy').slice(0, 60)}`)
    res.writeHead(200, { 'Content-Type': 'application/json' })
    let sent = 0
    const next = () => {
      if (res.destroyed) return
      if (sent >= bytes.length) return void res.end()
      res.write(bytes.subarray(sent, (sent += 7)))
      clock.after(1, next)
    }
    next()
  })
}

function line(action: string): string {
  const Actor = { ID: 'a'.repeat(64), Attributes: { name: 'grüße-🐳', image: 'x' } }
  return `${JSON.stringify({ Type: 'container', Action: action, Actor, time: 1, timeNano: 1 })}\n`
}

import type { WorldGuest } from '../scenarios/world.ts'
import type { SimContainer } from '../sim/guest/sim-container.ts'
import type { Arena, Counts } from './arena.ts'

/** A daemon may hold a few more files than at its start: connections that are kept for the next call. */
const SPARE_FILES = 8
const SPARE_CONNECTIONS = 4

/** What is not as it must be when nothing is wrong around us, one sentence each. */
export function problems(arena: Arena): string[] {
  return [
    ...arena.guests.flatMap((guest) => monitoredProblems(arena, guest).map((what) => `${guest.name}: ${what}`)),
    ...arena.idle.flatMap((guest) => idleProblems(arena, guest).map((what) => `${guest.name}: ${what}`)),
  ]
}

function monitoredProblems({ world }: Arena, guest: WorldGuest): string[] {
  const found: string[] = []
  const published = world
    .entries(guest)
    .map(({ id, names, status }) => `${String(id)} ${String(names)} ${String(status)}`)
  const real = guest.engine.store.all().map(line)
  if (published.sort().join('\n') !== real.sort().join('\n'))
    found.push(`published ${published.length}, has ${real.length}`)
  if (!world.status(guest).startsWith('monitored since')) found.push(`status is "${world.status(guest)}"`)
  const { open } = guest.sim.counters
  if (open !== 1) found.push(`${open} connections`)
  if (guest.engine.eventStreams !== 1) found.push(`${guest.engine.eventStreams} event streams`)
  const messages = world.messages(guest).length
  if (messages !== 0) found.push(`${messages} messages are left`)
  const host = world.pool.record('VM', guest.ref)?.['resident_on']
  const writer = world.writesTo(guest).findLast(({ originator }) => originator === 'xscontainer')?.host
  if (writer !== undefined && world.pool.hosts[writer]?.ref !== host)
    found.push(`host ${writer} wrote last, which has it not`)
  return found
}

function idleProblems({ world }: Arena, guest: WorldGuest): string[] {
  const keys = world.published(guest)
  return [
    ...(keys.length > 0 ? [`is not monitored and has ${keys.join(', ')}`] : []),
    ...(guest.sim.counters.open > 0 ? ['is not monitored and has a connection'] : []),
    ...(world.messages(guest).length > 0 ? ['is not monitored and has a message'] : []),
  ]
}

/** As the list must show it. */
function line({ id, names, live }: SimContainer): string {
  const status = { running: 'Up', paused: 'Up (Paused)', created: 'Created', exited: `Exited (${live.exitCode})` }
  return `${id} ${(names[0] ?? '').slice(1)} ${(status as Record<string, string>)[live.state]}`
}

/** What there is more of than at the start. */
export function leaks(now: Counts, start: Counts): string[] {
  const more = (what: string, is: number, was: number) => (is > was ? [`${is} ${what}, ${was} at the start`] : [])
  return [
    ...more('sessions', now.sessions, start.sessions),
    ...more('secrets', now.secrets, start.secrets),
    ...more('channels', now.channels, start.channels),
    ...now.connections.flatMap((is, i) => more('connections to XAPI', is, start.connections[i]! + SPARE_CONNECTIONS)),
    ...now.files.flatMap((is, i) => more('open files', is, start.files[i]! + SPARE_FILES)),
  ]
}

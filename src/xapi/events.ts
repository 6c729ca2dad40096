import { unexpectedAnswer } from './errors.ts'
import { isRecord } from './wire.ts'

/** One event of event.from. XAPI reports a difference of states: several changes can be one event. */
export interface XapiEvent {
  /** Lower case: `vm`, `vm_guest_metrics`. */
  readonly class: string
  readonly operation: string
  readonly ref: string
  /** The object's whole record; absent for `del`. */
  readonly snapshot: unknown
}

export interface EventAnswer {
  readonly events: readonly XapiEvent[]
  readonly token: string
  /** Objects that exist now, by lower-case class name. */
  readonly counts: Readonly<Record<string, number>>
}

/** The members of snapshots that anybody here reads; XAPI sends a hundred of each VM. */
const READ: ReadonlySet<string> = new Set([
  'uuid',
  'name_label',
  'power_state',
  'resident_on',
  'is_control_domain',
  'is_a_template',
  'is_a_snapshot',
  'guest_metrics',
  'networks',
  'master',
  'other_config',
])

/** An event without the members of its snapshot that nobody here reads: thousands of them wait to be looked at. */
export function cutEvent(event: unknown): unknown {
  if (!isRecord(event) || !isRecord(event['snapshot'])) return event
  const kept = Object.entries(event['snapshot']).filter(([name]) => READ.has(name))
  return { ...event, snapshot: Object.fromEntries(kept) }
}

/** Checks the shape of event.from's answer. Throws RefusedError when it is something else. */
export function parseAnswer(value: unknown): EventAnswer {
  if (!isRecord(value) || typeof value['token'] !== 'string' || !Array.isArray(value['events'])) {
    throw unexpectedAnswer('an answer to event.from without token or events')
  }
  return {
    events: value['events'].flatMap(parseEvent),
    token: value['token'],
    counts: isRecord(value['valid_ref_counts']) ? countsOf(value['valid_ref_counts']) : {},
  }
}

function parseEvent(event: unknown): XapiEvent[] {
  if (!isRecord(event)) return []
  const { class: cls, operation, ref, snapshot } = event
  if (typeof cls !== 'string' || typeof operation !== 'string' || typeof ref !== 'string') return []
  return [{ class: cls.toLowerCase(), operation: operation.toLowerCase(), ref, snapshot }]
}

/** Counts that are numbers: they arrive as ints, and everything else of XAPI's does as text. */
function countsOf(counts: Readonly<Record<string, unknown>>): Record<string, number> {
  const numbers = Object.entries(counts).flatMap(([name, count]) =>
    isText(count) && /^\d+$/.test(String(count)) ? [[name.toLowerCase(), Number(count)] as const] : [],
  )
  return Object.fromEntries(numbers)
}

/** Not an object, of which no text could be made. */
function isText(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

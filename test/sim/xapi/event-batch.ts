import type { Database } from './database.ts'
import { tokenText, type Difference } from './event-collect.ts'
import { jsonObject } from './json-codec.ts'
import { messageJson, messageXml } from './messages.ts'
import type { Reply } from './reply.ts'
import type { Row } from './row.ts'
import { xmlArray, xmlString, xmlStruct } from './xmlrpc-codec.ts'

interface WireEvent {
  readonly id: string
  readonly cls: string
  readonly operation: 'add' | 'mod' | 'del'
  readonly ref: string
  readonly xml?: string
  readonly json?: string
}

/**
 * The answer of event.from, its snapshots and counts fixed at this moment even if it is sent a little later.
 * Order: messages, adds, mods, dels.
 */
export function batchReply(db: Database, difference: Difference, format: 'xml' | 'json'): Reply {
  const events = eventsOf(difference, format)
  const counts = refCounts(db)
  const token = tokenText(difference.token)
  const text = format === 'xml' ? batchXml(events, counts, token) : batchJson(events, counts, token)
  return { xml: () => text, json: () => text }
}

function eventsOf(difference: Difference, format: 'xml' | 'json'): WireEvent[] {
  const ofRow = (row: Row, operation: 'add' | 'mod'): WireEvent => ({
    id: String(row.modified),
    cls: row.cls.lowerName,
    operation,
    ref: row.ref,
    ...(format === 'xml' ? { xml: row.xml() } : { json: row.json() }),
  })
  return [
    ...difference.messagesAdded.map((message) => ({
      id: '0',
      cls: 'message',
      operation: 'add' as const,
      ref: message.ref,
      ...(format === 'xml' ? { xml: messageXml(message) } : { json: messageJson(message) }),
    })),
    ...difference.messagesDeleted.map((ref) => ({ id: '0', cls: 'message', operation: 'del' as const, ref })),
    ...difference.adds.map((row) => ofRow(row, 'add')),
    ...difference.mods.map((row) => ofRow(row, 'mod')),
    ...difference.dels.map(({ cls, ref, deleted }) => ({
      id: String(deleted),
      cls,
      operation: 'del' as const,
      ref,
    })),
  ]
}

/** Objects per class now, of every class of the database; messages are no database rows and always 0. */
function refCounts(db: Database): (readonly [string, number])[] {
  const counts = [...db.allTables()].map((table) => [table.cls.lowerName, table.rows.size] as const)
  return [...counts, ['message', 0]]
}

function batchXml(events: readonly WireEvent[], counts: readonly (readonly [string, number])[], token: string): string {
  return xmlStruct([
    ['events', xmlArray(events.map(eventXml))],
    ['valid_ref_counts', xmlStruct(counts.map(([name, count]) => [name, `<value><i4>${count}</i4></value>`]))],
    ['token', xmlString(token)],
  ])
}

function eventXml(event: WireEvent): string {
  return xmlStruct([
    ['id', xmlString(event.id)],
    ['timestamp', xmlString('0.0')],
    ['class', xmlString(event.cls)],
    ['operation', xmlString(event.operation)],
    ['ref', xmlString(event.ref)],
    ...(event.xml === undefined ? [] : [['snapshot', event.xml] as const]),
  ])
}

function batchJson(
  events: readonly WireEvent[],
  counts: readonly (readonly [string, number])[],
  token: string,
): string {
  return jsonObject([
    ['events', `[${events.map(eventJson).join(',')}]`],
    ['valid_ref_counts', jsonObject(counts.map(([name, count]) => [name, String(count)]))],
    ['token', JSON.stringify(token)],
  ])
}

function eventJson(event: WireEvent): string {
  return jsonObject([
    ['id', JSON.stringify(event.id)],
    ['timestamp', '"0.0"'],
    ['class', JSON.stringify(event.cls)],
    ['operation', JSON.stringify(event.operation)],
    ['ref', JSON.stringify(event.ref)],
    ...(event.json === undefined ? [] : [['snapshot', event.json] as const]),
  ])
}

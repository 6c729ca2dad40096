import { randomUUID } from 'node:crypto'

import { xmlStruct, xmlString, xmlOf } from './xmlrpc-codec.ts'
import { jsonObject } from './json-codec.ts'
import { XapiError } from './xapi-error.ts'
import { isoDate } from './iso-date.ts'

export interface Message {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  readonly priority: string
  readonly cls: string
  readonly objUuid: string
  readonly timestamp: string
  readonly body: string
  readonly generation: number
}

interface DeletedMessage {
  readonly ref: string
  readonly created: number
  readonly deleted: number
}

const MOST_MESSAGES = 10_000

/** Messages to the administrators: files beside the database, with a generation of their own. */
export class Messages {
  generation = 1
  private readonly byRef = new Map<string, Message>()
  private deleted: DeletedMessage[] = []
  private readonly changed: () => void

  constructor(changed: () => void) {
    this.changed = changed
  }

  create(name: string, priority: string, cls: string, objUuid: string, body: string): Message {
    const ref = `OpaqueRef:${randomUUID()}`
    const timestamp = isoDate(new Date())
    const generation = ++this.generation
    const message = { ref, uuid: randomUUID(), name, priority, cls, objUuid, timestamp, body, generation }
    this.byRef.set(ref, message)
    const [oldest] = this.byRef.keys()
    if (this.byRef.size > MOST_MESSAGES && oldest !== undefined) this.forget(oldest)
    this.changed()
    return message
  }

  destroy(ref: string): void {
    this.get(ref)
    this.forget(ref)
    this.changed()
  }

  get(ref: string): Message {
    const message = this.byRef.get(ref)
    if (message === undefined) throw new XapiError('HANDLE_INVALID', 'message', ref)
    return message
  }

  /** Newest first. */
  all(): Message[] {
    return [...this.byRef.values()].reverse()
  }

  since(generation: number): { readonly added: readonly Message[]; readonly deleted: readonly string[] } {
    return {
      added: this.all().filter((message) => message.generation > generation),
      deleted: this.deleted.filter((d) => d.deleted > generation && d.created <= generation).map((d) => d.ref),
    }
  }

  private forget(ref: string): void {
    const created = this.byRef.get(ref)?.generation ?? 0
    this.byRef.delete(ref)
    this.deleted = [...this.deleted.slice(-MOST_MESSAGES), { ref, created, deleted: ++this.generation }]
  }
}

export function messageXml(message: Message): string {
  return xmlStruct([
    ...stringMembers(message).map(([name, text]) => [name, xmlString(text)] as const),
    ['timestamp', xmlOf(message.timestamp, { kind: 'datetime' })],
  ])
}

export function messageJson(message: Message): string {
  const members = stringMembers(message).map(
    ([name, text]) => [name, name === 'priority' ? text : JSON.stringify(text)] as const,
  )
  return jsonObject([...members, ['timestamp', JSON.stringify(message.timestamp)]])
}

function stringMembers(message: Message): (readonly [string, string])[] {
  return [
    ['uuid', message.uuid],
    ['name', message.name],
    ['priority', message.priority],
    ['cls', message.cls],
    ['obj_uuid', message.objUuid],
    ['body', message.body],
  ]
}

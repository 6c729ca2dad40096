import type { Database } from './database.ts'
import type { Message, Messages } from './messages.ts'
import type { Row } from './row.ts'
import type { Subscription } from './subscription.ts'
import { XapiError } from './xapi-error.ts'

/** Up to where a reader has seen: the database's generation and the messages'. */
export interface Token {
  readonly database: number
  readonly messages: number
}

/** What is different now from what held at a token; one entry per object. */
export interface Difference {
  readonly messagesAdded: readonly Message[]
  readonly messagesDeleted: readonly string[]
  readonly adds: readonly Row[]
  readonly mods: readonly Row[]
  readonly dels: readonly { readonly cls: string; readonly ref: string; readonly deleted: number }[]
  readonly token: Token
}

export function parseToken(text: string): Token {
  if (text === '') return { database: 0, messages: 0 }
  const parts = /^(\d+),(\d+)$/.exec(text)
  if (parts === null) throw new XapiError('EVENT_FROM_TOKEN_PARSE_FAILURE', text)
  return { database: Number(parts[1]), messages: Number(parts[2]) }
}

export function tokenText(token: Token): string {
  return `${String(token.database).padStart(20, '0')},${String(token.messages).padStart(20, '0')}`
}

/** The difference between the states at `since` and now. Its token is `since` as long as nothing matched. */
export function collect(db: Database, messages: Messages, wanted: Subscription, since: Token): Difference {
  const adds: Row[] = []
  const mods: Row[] = []
  const dels: { cls: string; ref: string; deleted: number }[] = []
  let latest = since.database
  for (const table of db.allTables()) {
    if (!table.cls.genEvents || !wanted.wantsClass(table.cls.lowerName)) continue
    for (const row of table.changedSince(since.database)) {
      if (!wanted.wants(table.cls, row.ref)) continue
      latest = Math.max(latest, row.modified)
      ;(row.created > since.database ? adds : mods).push(row)
    }
    for (const { ref, created, deleted } of table.deletedSince(since.database)) {
      if (!wanted.wants(table.cls, ref)) continue
      latest = Math.max(latest, deleted)
      if (created <= since.database) dels.push({ cls: table.cls.lowerName, ref, deleted })
    }
  }
  const wantsMessages = wanted.wantsClass('message')
  const { added, deleted } = wantsMessages ? messages.since(since.messages) : { added: [], deleted: [] }
  const token = { database: latest, messages: wantsMessages ? messages.generation : since.messages }
  return { messagesAdded: added, messagesDeleted: deleted, adds, mods, dels, token }
}

export function isEmpty(difference: Difference): boolean {
  const { messagesAdded, messagesDeleted, adds, mods, dels } = difference
  return [messagesAdded, messagesDeleted, adds, mods, dels].every((list) => list.length === 0)
}

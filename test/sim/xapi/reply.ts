import { jsonObject, jsonOf } from './json-codec.ts'
import type { Row } from './row.ts'
import type { Value, XapiType } from './xapi-types.ts'
import { xmlOf, xmlStruct } from './xmlrpc-codec.ts'

/** The result of a call, written in the caller's protocol when it is known. */
export interface Reply {
  xml(): string
  json(): string
}

export function valueReply(value: Value, type: XapiType): Reply {
  return { xml: () => xmlOf(value, type), json: () => jsonOf(value, type) }
}

export const voidReply: Reply = valueReply('', { kind: 'void' })

export function stringReply(text: string): Reply {
  return valueReply(text, { kind: 'string' })
}

export function stringsReply(items: readonly string[]): Reply {
  return valueReply(items, { kind: 'set', of: { kind: 'string' } })
}

export function recordReply(row: Row): Reply {
  return { xml: () => row.xml(), json: () => row.json() }
}

export function recordsReply(rows: readonly Row[]): Reply {
  return {
    xml: () => xmlStruct(rows.map((row) => [row.ref, row.xml()])),
    json: () => jsonObject(rows.map((row) => [row.ref, row.json()])),
  }
}

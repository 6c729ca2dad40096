import type { Row } from './row.ts'
import type { Pair, Value, XapiType } from './xapi-types.ts'

/** A value as a test wants to read it: maps are objects, ints numbers (strings beyond 2^53). */
export type PlainValue = string | number | boolean | readonly PlainValue[] | { readonly [key: string]: PlainValue }

export function plainOf(value: Value, type: XapiType): PlainValue {
  if (type.kind === 'set') return (value as readonly Value[]).map((item) => plainOf(item, type.of))
  if (type.kind === 'map') {
    return Object.fromEntries((value as readonly Pair[]).map(([key, item]) => [key, plainOf(item, type.value)]))
  }
  if (type.kind === 'int') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value
}

export function plainRecord(row: Row): Record<string, PlainValue> {
  const fields = [...row.cls.fields.values()]
  return Object.fromEntries(fields.map((field) => [field.name, plainOf(row.get(field.name), field.type)]))
}

export function pairsOf(map: Readonly<Record<string, string>>): Pair[] {
  return Object.entries(map)
}

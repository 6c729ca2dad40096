/** The types of the data model, parsed from their text form (`(string -> VM ref) map`, `enum on_boot`, ..). */
export type XapiType =
  | { readonly kind: 'string' | 'int' | 'bool' | 'float' | 'datetime' | 'void' | 'batch' }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'ref' | 'record'; readonly cls: string }
  | { readonly kind: 'set'; readonly of: XapiType }
  | { readonly kind: 'map'; readonly key: XapiType; readonly value: XapiType }

/**
 * A value of the database. Ints are decimal strings (they are 64 bits wide), refs, enums and dates are strings, floats
 * numbers; a set is an array, a map an array of [key, value] pairs, because XAPI keeps order and duplicates.
 */
export type Value = string | number | boolean | readonly Value[]

export type Pair = readonly [string, Value]

export const NULL_REF = 'OpaqueRef:NULL'
export const EPOCH = '19700101T00:00:00Z'

export type EnumValues = (name: string) => readonly string[]

/** Parses the text of a type; throws on text it does not understand. */
export function parseType(text: string, enumValues: EnumValues): XapiType {
  const map = /^\((.*)\) map$/.exec(text)
  if (map) return parseMap(map[1] ?? '', enumValues)
  const set = /^(.*) set$/.exec(text)
  if (set) return { kind: 'set', of: parseType(set[1] ?? '', enumValues) }
  const word = /^(?:enum (\w+)|(\S+) (ref|record))$/.exec(text)
  if (word?.[1] !== undefined) return { kind: 'enum', values: enumValues(word[1]) }
  if (word?.[2] !== undefined) return { kind: word[3] === 'ref' ? 'ref' : 'record', cls: word[2] }
  if (text === 'an event batch') return { kind: 'batch' }
  const simple = (['string', 'int', 'bool', 'float', 'datetime', 'void'] as const).find((kind) => kind === text)
  if (simple !== undefined) return { kind: simple }
  throw new Error(`unknown type in the data model: ${text}`)
}

function parseMap(inside: string, enumValues: EnumValues): XapiType {
  const arrow = inside.indexOf(' -> ')
  return {
    kind: 'map',
    key: parseType(inside.slice(0, arrow), enumValues),
    value: parseType(inside.slice(arrow + 4), enumValues),
  }
}

/** What a field holds when neither the data model nor the creator says otherwise. */
export function emptyValue(type: XapiType): Value {
  switch (type.kind) {
    case 'int':
      return '0'
    case 'bool':
      return false
    case 'float':
      return 0
    case 'datetime':
      return EPOCH
    case 'ref':
      return NULL_REF
    case 'enum':
      return type.values[0] ?? ''
    case 'set':
    case 'map':
      return []
    case 'string':
    case 'void':
    case 'record':
    case 'batch':
      return ''
  }
}

/** Parses a default as the data model writes it: `""`, `{}`, `1.`, `Null`, `{"a" -> "b"}`, an enum's word. */
export function parseDefault(text: string, type: XapiType): Value {
  if (type.kind === 'map') return parsePairs(text)
  if (type.kind === 'set') return [...text.matchAll(/[^{},\s]+/g)].map((item) => item[0])
  if (type.kind === 'bool') return text === 'true'
  if (type.kind === 'float') return Number(text)
  if (type.kind === 'ref') return NULL_REF
  return /^".*"$/.test(text) ? text.slice(1, -1) : text
}

function parsePairs(text: string): Pair[] {
  return [...text.matchAll(/"([^"]*)" -> "([^"]*)"/g)].map((pair) => [pair[1] ?? '', pair[2] ?? ''])
}

/** Equality as the database sees it: the order of a map's pairs counts. */
export function sameValue(a: Value, b: Value): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b
  return a.length === b.length && a.every((item: Value, i) => sameValue(item, b[i] as Value))
}

import type { Value, XapiType } from './xapi-types.ts'
import { floatText } from './xmlrpc-codec.ts'

/** A value as JSON-RPC carries it: ints and floats are numbers, dates strings, maps objects. */
export function jsonOf(value: Value, type: XapiType): string {
  switch (type.kind) {
    case 'int':
      return String(value)
    case 'bool':
      return value === true ? 'true' : 'false'
    case 'float':
      return jsonFloat(Number(value))
    case 'set':
      return `[${(value as readonly Value[]).map((item) => jsonOf(item, type.of)).join(',')}]`
    case 'map':
      return jsonObject((value as readonly (readonly [string, Value])[]).map(([k, v]) => [k, jsonOf(v, type.value)]))
    case 'string':
    case 'ref':
    case 'enum':
    case 'datetime':
    case 'void':
    case 'record':
    case 'batch':
      return JSON.stringify(value)
  }
}

/** An object of members whose values are JSON already. */
export function jsonObject(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/** Floats keep a decimal point, so that readers see what they are. */
function jsonFloat(number: number): string {
  const text = floatText(number)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

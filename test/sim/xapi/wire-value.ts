import { isLegal } from './characters.ts'
import { internalError } from './xapi-error.ts'
import type { Pair, Value, XapiType } from './xapi-types.ts'

/** A struct as it came over the wire: order and duplicate names are kept. */
export class WireStruct {
  readonly members: readonly (readonly [string, WireValue])[]
  constructor(members: readonly (readonly [string, WireValue])[]) {
    this.members = members
  }

  get(name: string): WireValue | undefined {
    return this.members.find(([member]) => member === name)?.[1]
  }
}

/** A date that was sent as a date; a string serves as well. */
export class WireDate {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A value as either protocol delivers it, before the data model says what it should be. */
export type WireValue = string | number | bigint | boolean | null | WireDate | WireStruct | readonly WireValue[]

/** Converts to the type the data model asks for. A wrong type is INTERNAL_ERROR, as XAPI's own unmarshalling has it. */
export function toValue(wire: WireValue, type: XapiType): Value {
  switch (type.kind) {
    case 'string':
    case 'ref':
      return stringOf(wire, type.kind)
    case 'datetime':
      return wire instanceof WireDate ? wire.text : stringOf(wire, 'datetime')
    case 'int':
      return intOf(wire)
    case 'float':
      return floatOf(wire)
    case 'bool':
      if (typeof wire === 'boolean') return wire
      throw wrongType('bool')
    case 'enum':
      return enumOf(wire, type.values)
    case 'set':
      if (!Array.isArray(wire)) throw wrongType('set')
      return wire.map((item: WireValue) => toValue(item, type.of))
    case 'map':
      if (!(wire instanceof WireStruct)) throw wrongType('map')
      return wire.members.map(([key, value]): Pair => [
        stringOfValue(toValue(key, type.key)),
        toValue(value, type.value),
      ])
    case 'record':
    case 'batch':
    case 'void':
      throw wrongType(type.kind)
  }
}

/** Throws INTERNAL_ERROR when any string in the value has a character the database refuses. */
export function refuseIllegal(value: Value): void {
  if (typeof value === 'string' && !isLegal(value))
    throw internalError('Invalid_value', 'illegal character in a string')
  if (Array.isArray(value)) value.forEach(refuseIllegal)
}

/** The value with a function applied to each string in it. */
export function mapStrings(value: Value, change: (text: string) => string): Value {
  if (typeof value === 'string') return change(value)
  return Array.isArray(value) ? value.map((item: Value) => mapStrings(item, change)) : value
}

function stringOfValue(value: Value): string {
  return typeof value === 'string' ? value : String(value)
}

function stringOf(wire: WireValue, wanted: string): string {
  if (typeof wire === 'string') return wire
  if (wire instanceof WireDate) return wire.text
  throw wrongType(wanted)
}

function intOf(wire: WireValue): string {
  if (typeof wire === 'bigint') return wire.toString()
  if (typeof wire === 'number' && Number.isInteger(wire)) return wire.toString()
  if (typeof wire !== 'string' || !/^[-+]?\d+$/.test(wire)) throw wrongType('int')
  const number = BigInt(wire.replace(/^\+/, ''))
  if (BigInt.asIntN(64, number) !== number) throw wrongType('int')
  return number.toString()
}

function floatOf(wire: WireValue): number {
  if (typeof wire === 'number') return wire
  if (typeof wire === 'bigint') return Number(wire)
  const number = typeof wire === 'string' && wire.trim() !== '' ? Number(wire) : NaN
  if (Number.isNaN(number)) throw wrongType('float')
  return number
}

function enumOf(wire: WireValue, values: readonly string[]): string {
  const text = stringOf(wire, 'enum')
  if (values.length === 0) return text
  const found = values.find((value) => value.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw internalError(`Rpc.Runtime_error: unknown enum value ${text.slice(0, 100)}`)
  return found
}

function wrongType(wanted: string): Error {
  return internalError(`Rpc.Runtime_error: expecting ${wanted}`)
}

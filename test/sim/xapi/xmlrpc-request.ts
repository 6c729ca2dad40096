import { WireDate, WireStruct, type WireValue } from './wire-value.ts'
import { HttpFault } from './xapi-error.ts'
import { parseXml, type XmlElement } from './xml-tree.ts'

export interface Call {
  readonly method: string
  readonly params: readonly WireValue[]
}

/** Reads a methodCall. Anything malformed is an HttpFault: XAPI answers HTTP 500, not an API failure. */
export function parseMethodCall(body: string): Call {
  try {
    const root = parseXml(body)
    if (root.name !== 'methodCall') throw new Error(`expected methodCall, got ${root.name}`)
    const [name, params] = root.children
    if (name?.name !== 'methodName') throw new Error('methodName is missing')
    return { method: name.text, params: (params?.children ?? []).map(paramOf) }
  } catch (error) {
    throw new HttpFault(`cannot parse the request: ${String(error)}`)
  }
}

function paramOf(param: XmlElement): WireValue {
  if (param.name !== 'param' || param.children.length !== 1) throw new Error('expected a param with one value')
  return valueOf(param.children[0])
}

/** The value in a <value> element; untyped text is a string. Throws an Error that says why. */
export function valueOf(element: XmlElement | undefined): WireValue {
  if (element?.name !== 'value') throw new Error(`expected value, got ${element?.name}`)
  const [typed, second] = element.children
  if (second !== undefined) throw new Error('more than one type in a value')
  if (typed === undefined) return element.text
  if (element.text.trim() !== '') throw new Error('text beside a typed value')
  return typedValue(typed)
}

function typedValue(typed: XmlElement): WireValue {
  switch (typed.name) {
    case 'string':
      return leaf(typed)
    case 'int':
    case 'i4':
    case 'i8':
      return BigInt(leaf(typed).trim())
    case 'boolean':
      return leaf(typed) === '1'
    case 'double':
      return numberOf(leaf(typed))
    case 'dateTime.iso8601':
      return new WireDate(leaf(typed))
    case 'base64':
      return Buffer.from(leaf(typed), 'base64').toString('utf8')
    case 'nil':
      return null
    case 'array':
      return arrayOf(typed)
    case 'struct':
      return new WireStruct(typed.children.map(memberOf))
    default:
      throw new Error(`unknown type ${typed.name}`)
  }
}

function leaf(element: XmlElement): string {
  if (element.children.length > 0) throw new Error(`element inside ${element.name}`)
  return element.text
}

function arrayOf(array: XmlElement): WireValue[] {
  const [data] = array.children
  if (data === undefined) return []
  if (data.name !== 'data') throw new Error(`expected data, got ${data.name}`)
  return data.children.map(valueOf)
}

function memberOf(member: XmlElement): readonly [string, WireValue] {
  const [name, value] = member.children
  if (member.name !== 'member' || name?.name !== 'name' || name.text === '') throw new Error('malformed member')
  return [name.text, valueOf(value)]
}

function numberOf(text: string): number {
  const number = Number(text)
  if (text.trim() === '' || Number.isNaN(number)) throw new Error('malformed double')
  return number
}

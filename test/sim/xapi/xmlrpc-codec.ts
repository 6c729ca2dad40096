import type { Value, XapiType } from './xapi-types.ts'

const SPECIAL = /[<>&"]/

export function escapeXml(text: string): string {
  if (!SPECIAL.test(text)) return text
  const bare = text.includes('&') ? text.replaceAll('&', '&amp;') : text
  return bare.replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** A value as XAPI writes it: ints, strings, refs and enums untyped, null as the empty string. */
export function xmlOf(value: Value, type: XapiType): string {
  switch (type.kind) {
    case 'bool':
      return `<value><boolean>${value === true ? 1 : 0}</boolean></value>`
    case 'float':
      return `<value><double>${floatText(Number(value))}</double></value>`
    case 'datetime':
      return `<value><dateTime.iso8601>${escapeXml(String(value))}</dateTime.iso8601></value>`
    case 'set':
      return xmlArray((value as readonly Value[]).map((item) => xmlOf(item, type.of)))
    case 'map':
      return xmlStruct((value as readonly (readonly [string, Value])[]).map(([k, v]) => [k, xmlOf(v, type.value)]))
    case 'string':
    case 'int':
    case 'ref':
    case 'enum':
    case 'void':
    case 'record':
    case 'batch':
      return `<value>${escapeXml(String(value))}</value>`
  }
}

export function xmlString(text: string): string {
  return `<value>${escapeXml(text)}</value>`
}

export function xmlArray(items: readonly string[]): string {
  return `<value><array><data>${items.join('')}</data></array></value>`
}

/** A struct of members whose values are XML already. */
export function xmlStruct(members: readonly (readonly [string, string])[]): string {
  let text = '<value><struct>'
  for (const [name, value] of members) text += `<member><name>${escapeXml(name)}</name>${value}</member>`
  return `${text}</struct></value>`
}

export function xmlSuccess(value: string): string {
  return methodResponse(
    `<member><name>Status</name><value>Success</value></member><member><name>Value</name>${value}</member>`,
  )
}

export function xmlFailure(description: readonly string[]): string {
  const array = xmlArray(description.map(xmlString))
  return methodResponse(
    `<member><name>Status</name><value>Failure</value></member><member><name>ErrorDescription</name>${array}</member>`,
  )
}

function methodResponse(members: string): string {
  return `<?xml version="1.0"?><methodResponse><params><param><value><struct>${members}</struct></value></param></params></methodResponse>`
}

/** Sixteen significant digits, without the zeros at the end: 1, 0.5, 1.32621e+18. */
export function floatText(number: number): string {
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : number < 0 ? '-inf' : 'nan'
  return String(Number(number.toPrecision(16)))
}

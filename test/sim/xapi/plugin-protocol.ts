import { dropIllegal, isLegal } from './characters.ts'
import { WireStruct, type WireValue } from './wire-value.ts'
import { internalError, XapiError } from './xapi-error.ts'
import { parseFirstElement, type XmlElement } from './xml-tree.ts'
import { escapeXml } from './xmlrpc-codec.ts'
import { valueOf } from './xmlrpc-request.ts'

/** The one argument of a plugin's process: a methodCall without XML declaration. */
export function pluginArgument(fn: string, session: string, args: readonly (readonly [string, string])[]): string {
  const members = args.map(([name, value]) => `<member><name>${text(name)}</name>${untyped(value)}</member>`)
  const struct = `<value><struct>${members.join('')}</struct></value>`
  return (
    `<methodCall><methodName>${text(fn)}</methodName><params>` +
    `<param>${untyped(session)}</param><param>${struct}</param></params></methodCall>`
  )
}

/** The string in a plugin's output; throws the API failure that the caller gets for anything else. */
export function pluginResult(output: Buffer): string {
  const text = output.toString('utf8')
  const root = parseOutput(text)
  const [first] = root.children
  if (first?.name === 'fault') throw faultOf(valueOf(first.children[0]))
  const value = root.name === 'methodResponse' && first?.name === 'params' ? first.children[0]?.children[0] : undefined
  if (value === undefined) throw internalError('unexpected XML from the plugin')
  return resultOf(valueOf(value), output)
}

function parseOutput(text: string): XmlElement {
  try {
    return parseFirstElement(text).root
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (/illegal character/.test(reason)) throw internalError(reason)
    throw new XapiError('XENAPI_PLUGIN_FAILURE', 'failed to parse plugin output', text, reason)
  }
}

function resultOf(response: WireValue, output: Buffer): string {
  if (!(response instanceof WireStruct)) throw internalError('the plugin answered with another type')
  const description = response.get('ErrorDescription')
  if (response.get('Status') === 'Failure' && Array.isArray(description)) {
    const [code = '', ...params] = description.map(String)
    throw new XapiError(code, ...params)
  }
  const value = response.get('Value')
  if (response.get('Status') !== 'Success' || typeof value !== 'string') {
    throw internalError('the plugin answered with another type')
  }
  if (!isLegal(value) || output.toString('utf8').includes('\ufffd')) throw internalError('illegal text from the plugin')
  return /^[ \n]*$/.test(value) ? '' : value
}

function faultOf(fault: WireValue): XapiError {
  const member = (name: string) => {
    const value = fault instanceof WireStruct ? fault.get(name) : undefined
    return typeof value === 'string' || typeof value === 'bigint' ? String(value) : ''
  }
  return new XapiError('XENAPI_PLUGIN_FAILURE', 'fault', member('faultCode'), member('faultString'))
}

function text(value: string): string {
  return escapeXml(dropIllegal(value))
}

function untyped(value: string): string {
  const inside = text(value)
  return inside === '' ? '<value/>' : `<value>${inside}</value>`
}

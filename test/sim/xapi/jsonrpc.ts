import { jsonObject } from './json-codec.ts'
import { WireStruct, type WireValue } from './wire-value.ts'
import { HttpFault } from './xapi-error.ts'
import type { Call } from './xmlrpc-request.ts'

export interface JsonCall extends Call {
  readonly version: 1 | 2
  /** The id as JSON, to be sent back as it came. */
  readonly id: string
}

/** Reads a JSON-RPC request of version 1.0 or 2.0. Anything malformed is an HttpFault. */
export function parseJsonCall(body: string): JsonCall {
  const request = parseObject(body)
  const { id, method, params, jsonrpc } = request
  if (typeof id !== 'string' && !Number.isInteger(id)) throw new HttpFault("Invalid field 'id' in request body")
  if (typeof method !== 'string') throw new HttpFault("Invalid field 'method' in request body")
  if (jsonrpc !== undefined && jsonrpc !== '2.0') throw new HttpFault("Invalid field 'jsonrpc' in request body")
  const list = params === undefined && jsonrpc === '2.0' ? [] : params
  if (!Array.isArray(list)) throw new HttpFault("Invalid field 'params' in request body")
  return { version: jsonrpc === '2.0' ? 2 : 1, id: JSON.stringify(id), method, params: list.map(toWire) }
}

export function jsonSuccess(call: Pick<JsonCall, 'version' | 'id'>, result: string): string {
  if (call.version === 2)
    return jsonObject([
      ['jsonrpc', '"2.0"'],
      ['result', result],
      ['id', call.id],
    ])
  return jsonObject([
    ['result', result],
    ['error', 'null'],
    ['id', call.id],
  ])
}

/** Version 2 wraps the failure into an object, version 1 sends the array as it is. */
export function jsonFailure(call: Pick<JsonCall, 'version' | 'id'>, description: readonly string[]): string {
  const [message = '', ...data] = description
  if (call.version === 1)
    return jsonObject([
      ['result', 'null'],
      ['error', JSON.stringify(description)],
      ['id', call.id],
    ])
  const error = JSON.stringify({ code: 1, message, data })
  return jsonObject([
    ['jsonrpc', '"2.0"'],
    ['error', error],
    ['id', call.id],
  ])
}

/** What XAPI says to text that is not UTF-8: a version 2 envelope around a version 1 error. */
export function jsonNotUtf8(): string {
  const error = JSON.stringify(['INTERNAL_ERROR', 'Invalid UTF-8 in the request'])
  return jsonObject([
    ['jsonrpc', '"2.0"'],
    ['error', error],
    ['id', '0'],
  ])
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>
  } catch (error) {
    throw new HttpFault(`cannot parse the request: ${String(error)}`)
  }
  throw new HttpFault('Invalid request body')
}

function toWire(json: unknown): WireValue {
  if (Array.isArray(json)) return json.map(toWire)
  if (typeof json === 'object' && json !== null) {
    return new WireStruct(Object.entries(json).map(([name, value]) => [name, toWire(value)]))
  }
  return json as WireValue
}

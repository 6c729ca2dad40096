import type { Duplex } from 'node:stream'
import xmlrpc from 'xmlrpc'
import { abortReason } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { FAULT, unexpectedAnswer, XapiFailure } from './errors.ts'

/** What XAPI takes as a parameter. Whole numbers are sent as text: XAPI's `int` is a string on the wire. */
export type XapiParam = string | boolean | Date | Double | readonly XapiParam[] | { readonly [key: string]: XapiParam }

/** A number that must arrive as `<double>`; xmlrpc would send a whole one as an int, which old XAPIs refuse. */
export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = Number.isInteger(value) ? value + 0.5 : value
  }
}

/** Text as one escaped string element. xmlrpc's own CDATA breaks on a text with more than one `]]>`. */
class EscapedString extends xmlrpc.CustomType {
  override serialize(xml: { ele(name: string): { raw(text: string): unknown } }): unknown {
    const text = (this as unknown as { raw: string }).raw
    return xml.ele('string').raw(text.replace(/[&<>]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : '&gt;')))
  }
}

/** XAPI's form of a date, `20260102T03:04:05Z`; xmlrpc would write it in local time. */
class UtcDate extends xmlrpc.CustomType {
  override tagName = 'dateTime.iso8601'
}

function encode(param: XapiParam): unknown {
  if (typeof param === 'string') return new EscapedString(param)
  if (typeof param === 'boolean') return param
  if (param instanceof Date) return new UtcDate(param.toISOString().replace(/[-]|\.\d+/g, ''))
  if (param instanceof Double) return param.value
  if (Array.isArray(param)) return param.map(encode)
  return Object.fromEntries(Object.entries(param).map(([key, value]) => [key, encode(value)]))
}

/**
 * Sends one XML-RPC request over `lane` and gives XAPI's `Value`. Rejects with XapiFailure when XAPI says Failure, and
 * with whatever the exchange failed with otherwise. The whole is over when `signal` aborts.
 */
export function send(
  lane: Duplex,
  userAgent: string,
  method: string,
  params: readonly XapiParam[],
  signal: AbortSignal,
): Promise<unknown> {
  const client = xmlrpc.createClient({
    host: 'localhost',
    path: '/',
    headers: { 'User-Agent': userAgent },
    // Passed on to http.request as it is.
    ...({ createConnection: () => lane } as object),
  })
  return new Promise<unknown>((resolve, reject) => {
    lane.once('error', reject)
    const end = () => {
      reject(abortReason(signal))
      lane.destroy()
    }
    signal.addEventListener('abort', end, { once: true })
    client.methodCall(method, params.map(encode), (error: unknown, answer: unknown) => {
      if (isRecord(error) && 'faultCode' in error) reject(faultOf(method, error))
      else if (error !== null && error !== undefined) reject(asError(error))
      else resolve(answer)
    })
  }).then((answer) => valueOf(method, answer))
}

function valueOf(method: string, answer: unknown): unknown {
  if (!isRecord(answer)) throw unexpectedAnswer(`no Status struct in answer to ${method}`)
  if (answer['Status'] === 'Success') return answer['Value'] ?? ''
  const description = answer['ErrorDescription']
  if (!Array.isArray(description)) throw unexpectedAnswer(`a failure without description in answer to ${method}`)
  throw new XapiFailure(method, description.map(String))
}

/** XAPI sends none, but things that stand in its place do. */
function faultOf(method: string, { faultCode, faultString }: Readonly<Record<string, unknown>>): XapiFailure {
  return new XapiFailure(method, [FAULT, String(faultCode), String(faultString)])
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

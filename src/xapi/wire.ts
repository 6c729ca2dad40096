import { Readable } from 'node:stream'
import Deserializer from 'xmlrpc/lib/deserializer.js'
import { asError } from '../base/errors.ts'
import { FAULT, unexpectedAnswer, XapiFailure } from './errors.ts'
import type { PipeLine } from './pipe-line.ts'

/** What XAPI takes as a parameter. Whole numbers are sent as text: XAPI's `int` is a string on the wire. */
export type XapiParam = string | boolean | Date | Double | readonly XapiParam[] | { readonly [key: string]: XapiParam }

const MOST_ESCAPED_BYTES = 250_000

/** A number that must arrive as `<double>` with a fraction: old XAPIs refuse ints there. */
export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = Number.isInteger(value) ? value + 0.5 : value
  }
}

/**
 * Sends one XML-RPC request over `line` and gives XAPI's `Value`. Rejects with XapiFailure when XAPI says Failure, and
 * with whatever the exchange failed with otherwise. The whole is over when `signal` aborts.
 */
export async function send(
  line: PipeLine,
  userAgent: string,
  method: string,
  params: readonly XapiParam[],
  signal: AbortSignal,
): Promise<unknown> {
  const head = { path: '/', userAgent, contentType: 'text/xml' }
  const { status, body } = await line.post(head, encodeCall(method, params), signal)
  if (status !== 200) throw new Error(`HTTP status ${status}`)
  const text = body.toString()
  return soleText(text) ?? valueOf(method, await decode(method, text))
}

/**
 * xmlrpc's own encoder breaks on a text with more than one `]]>`, writes dates in local time, and takes 0.2 ms.
 */
function encodeCall(method: string, params: readonly XapiParam[]): string {
  const list = params.map((param) => `<param>${encode(param)}</param>`).join('')
  return `<?xml version="1.0"?><methodCall><methodName>${escape(method)}</methodName><params>${list}</params></methodCall>`
}

function encode(param: XapiParam): string {
  return `<value>${encodeBare(param)}</value>`
}

function encodeBare(param: XapiParam): string {
  if (typeof param === 'string') return `<string>${textOf(param)}</string>`
  if (typeof param === 'boolean') return `<boolean>${param ? 1 : 0}</boolean>`
  if (param instanceof Date) {
    return `<dateTime.iso8601>${param.toISOString().replace(/[-]|\.\d+/g, '')}</dateTime.iso8601>`
  }
  if (param instanceof Double) return `<double>${param.value}</double>`
  if (isList(param)) return `<array><data>${param.map(encode).join('')}</data></array>`
  const members = Object.entries(param).map(
    ([key, value]) => `<member><name>${escape(key)}</name>${encode(value)}</member>`,
  )
  return `<struct>${members.join('')}</struct>`
}

function isList(param: XapiParam): param is readonly XapiParam[] {
  return Array.isArray(param)
}

/**
 * XAPI refuses requests of more than 300 KiB, and a guest can have documents that consist of what has to be escaped, which
 * takes five times their size: those go as CDATA.
 */
function textOf(text: string): string {
  const escaped = escape(text)
  if (escaped.length * 3 < MOST_ESCAPED_BYTES || Buffer.byteLength(escaped) < MOST_ESCAPED_BYTES) return escaped
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : '&gt;'))
}

/** The answer to most calls: a success with one plain text, or none. An XML parser takes ten times as long. */
const SOLE_TEXT =
  /^<\?xml[^>]*\?>\s*<methodResponse>\s*<params>\s*<param>\s*<value>\s*<struct>\s*<member>\s*<name>Status<\/name>\s*<value>(?:<string>)?Success(?:<\/string>)?<\/value>\s*<\/member>\s*<member>\s*<name>Value<\/name>\s*<value>(?:<string>([^<&\r]*)<\/string>|([^<&\r]*))<\/value>\s*<\/member>\s*<\/struct>\s*<\/value>\s*<\/param>\s*<\/params>\s*<\/methodResponse>\s*$/

function soleText(xml: string): string | undefined {
  const found = SOLE_TEXT.exec(xml)
  return found === null ? undefined : (found[1] ?? found[2] ?? '')
}

function decode(method: string, xml: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new Deserializer('utf8').deserializeMethodResponse(Readable.from([xml], { objectMode: false }), (error, answer) => {
      if (isRecord(error) && 'faultCode' in error) reject(faultOf(method, error))
      else if (error !== null && error !== undefined) reject(asError(error))
      else resolve(answer)
    })
  })
}

/** What XAPI's Status struct holds. Throws XapiFailure when it tells of a failure. */
export function valueOf(method: string, answer: unknown): unknown {
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

import { request, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { unexpectedAnswer, XapiFailure } from './errors.ts'
import { Double, isRecord, type XapiParam } from './wire.ts'

/** A pool of 64 hosts with 1,000 VMs each would send some 200 MB; more than that is no answer. */
const MOST_BYTES = 256 * 1024 * 1024

/** There was an answer, but not one of JSON-RPC: this XAPI does not speak it, or not now. */
export class NotJsonRpc extends Error {}

/**
 * The same as `send`, as JSON-RPC 2.0 on XAPI's `/jsonrpc`: for answers with whole records. Node parses 10 MB of it in
 * 0.1 s, where xmlrpc's XML parser takes 3 s. Rejects with XapiFailure when XAPI says error, with NotJsonRpc
 * when the other side answers something else, and with whatever the exchange failed with otherwise.
 */
export async function sendJson(
  lane: Duplex,
  userAgent: string,
  method: string,
  params: readonly XapiParam[],
  signal: AbortSignal,
): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: params.map(plain) })
  const headers = {
    'User-Agent': userAgent,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'Keep-Alive',
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      host: 'localhost',
      path: '/jsonrpc',
      method: 'POST',
      headers,
      signal,
      createConnection: () => lane,
    }
    request(options, resolve).on('error', reject).end(body)
  })
  return resultOf(method, parse(await text(response)))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new NotJsonRpc('the answer is not JSON')
  }
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw unexpectedAnswer(`more than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  if (response.statusCode !== 200) throw new NotJsonRpc(`HTTP status ${response.statusCode}`)
  return Buffer.concat(chunks).toString()
}

/** Version 2 failures carry code and parameters in `message` and `data`; XAPI sends version 1's list at times. */
function resultOf(method: string, answer: unknown): unknown {
  if (!isRecord(answer)) throw new NotJsonRpc(`no object in answer to ${method}`)
  const { error, result } = answer
  if (Array.isArray(error)) throw new XapiFailure(method, error.map(String))
  if (isRecord(error)) {
    const data = Array.isArray(error['data']) ? error['data'] : []
    throw new XapiFailure(method, [String(error['message']), ...data.map(String)])
  }
  if (result === undefined) throw new NotJsonRpc(`neither result nor error in answer to ${method}`)
  return result
}

function plain(param: XapiParam): unknown {
  if (param instanceof Double) return param.value
  return Array.isArray(param) ? (param as readonly XapiParam[]).map(plain) : param
}

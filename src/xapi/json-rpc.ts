import { XapiFailure } from './errors.ts'
import { cutEvent } from './events.ts'
import type { PipeLine } from './pipe-line.ts'
import { parseInSlices } from './sliced-json.ts'
import { Double, isRecord, valueOf, type XapiParam } from './wire.ts'

/** There was an answer, but not one of JSON-RPC: this XAPI does not speak it, or not now. */
export class NotJsonRpc extends Error {}

/**
 * The same as `send`, as JSON-RPC 2.0 on XAPI's `/jsonrpc`: for answers with whole records. Node parses 10 MB of it in
 * 0.1 s, where xmlrpc's XML parser takes 3 s. Of events only what is read here is kept (`cutEvent`). Rejects with XapiFailure when XAPI says error, with NotJsonRpc
 * when the other side answers something else, and with whatever the exchange failed with otherwise.
 */
export async function sendJson(
  line: PipeLine,
  userAgent: string,
  method: string,
  params: readonly XapiParam[],
  signal: AbortSignal,
): Promise<unknown> {
  const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: params.map(plain) })
  const { status, body } = await line.post(
    { path: '/jsonrpc', userAgent, contentType: 'application/json' },
    call,
    signal,
  )
  if (status !== 200) throw new NotJsonRpc(`HTTP status ${status}`)
  return resultOf(method, await parse(body))
}

async function parse(body: Buffer): Promise<unknown> {
  try {
    return await parseInSlices(body, cutEvent)
  } catch {
    throw new NotJsonRpc('the answer is not JSON')
  }
}

/**
 * Version 2 failures carry code and parameters in `message` and `data`; XAPI sends version 1's list at times. What puts
 * XML-RPC's answer into JSON as it is has a Status struct for a result, which no result of XAPI's is.
 */
function resultOf(method: string, answer: unknown): unknown {
  if (!isRecord(answer)) throw new NotJsonRpc(`no object in answer to ${method}`)
  const { error, result } = answer
  if (Array.isArray(error)) throw new XapiFailure(method, error.map(String))
  if (isRecord(error)) {
    const data = Array.isArray(error['data']) ? error['data'] : []
    throw new XapiFailure(method, [String(error['message']), ...data.map(String)])
  }
  if (isRecord(result) && 'Status' in result) return valueOf(method, result)
  if (result === undefined) throw new NotJsonRpc(`neither result nor error in answer to ${method}`)
  return result
}

function plain(param: XapiParam): unknown {
  if (param instanceof Double) return param.value
  return Array.isArray(param) ? (param as readonly XapiParam[]).map(plain) : param
}

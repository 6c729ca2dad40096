import type { Dispatched, Dispatcher } from './dispatch.ts'
import { jsonFailure, jsonNotUtf8, jsonSuccess, parseJsonCall, type JsonCall } from './jsonrpc.ts'
import type { Reply } from './reply.ts'
import type { SimHost } from './sim-host.ts'
import { asXapiError, HttpFault } from './xapi-error.ts'
import { parseMethodCall, type Call } from './xmlrpc-request.ts'
import { xmlFailure, xmlSuccess } from './xmlrpc-codec.ts'

/** Told of every call that reached the dispatcher, with how it ended. */
export interface CallLog {
  called(call: Call, host: SimHost): void
  done(call: Call, host: SimHost, dispatched: Dispatched): void
  failed(call: Call, host: SimHost, code: string): void
  answered(call: Call, text: string): void
}

export type Format = 'xml' | 'json'

/** Turns a request body into the text of its answer. Throws HttpFault for what is wrong below the API. */
export class RpcHandler {
  private readonly dispatcher: Dispatcher
  private readonly log: CallLog

  constructor(dispatcher: Dispatcher, log: CallLog) {
    this.dispatcher = dispatcher
    this.log = log
  }

  async handle(body: Buffer, format: Format, host: SimHost): Promise<string> {
    const text = decodeUtf8(body)
    if (text === undefined) {
      if (format === 'json') return jsonNotUtf8()
      throw new HttpFault('invalid UTF-8 in the request')
    }
    return format === 'json' ? this.handleJson(parseJsonCall(text), host) : this.handleXml(parseMethodCall(text), host)
  }

  private handleXml(call: Call, host: SimHost): Promise<string> {
    return this.call(call, host, 'xml', (reply) => xmlSuccess(reply.xml()), xmlFailure)
  }

  private handleJson(call: JsonCall, host: SimHost): Promise<string> {
    const success = (reply: Reply) => jsonSuccess(call, reply.json())
    return this.call(call, host, 'json', success, (description) => jsonFailure(call, description))
  }

  private async call(
    call: Call,
    host: SimHost,
    format: Format,
    success: (reply: Reply) => string,
    failure: (description: readonly string[]) => string,
  ): Promise<string> {
    this.log.called(call, host)
    try {
      const dispatched = this.dispatcher.dispatch(call, host, format)
      const text = success(await dispatched.run())
      this.log.done(call, host, dispatched)
      this.log.answered(call, text)
      return text
    } catch (error) {
      if (error instanceof HttpFault) throw error
      const { code, description } = asXapiError(error)
      this.log.failed(call, host, code)
      return failure(description)
    }
  }
}

function decodeUtf8(body: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

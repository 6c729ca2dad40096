import { DeadlineError, RefusedError, StoppedError, TransientError } from '../base/errors.ts'

/** XAPI understood the call and answered with a failure. */
export class XapiFailure extends TransientError {
  readonly code: string
  readonly params: readonly string[]

  constructor(method: string, description: readonly string[]) {
    const [code = 'UNKNOWN', ...params] = description
    super({
      kind: 'xapi-failure',
      cause: `XAPI refused ${method}: ${readable([code, ...params])}`,
      cure: 'See /var/log/xensource.log on the pool coordinator for the same moment',
    })
    this.code = code
    this.params = params
  }
}

/** Without references: they tell people nothing, and a session's is as good as a password. */
function readable(description: readonly string[]): string {
  const words = description.map((text) => text.replace(/OpaqueRef:[0-9a-f-]*/gi, '').trim())
  return words
    .filter((text) => text !== '')
    .join(' ')
    .slice(0, 500)
}

/** Whether `error` is a XAPI failure with one of these codes. */
export function isFailure(error: unknown, ...codes: string[]): error is XapiFailure {
  return error instanceof XapiFailure && codes.includes(error.code)
}

/** What this XAPI does not offer, in XAPI's words or, by an XML-RPC fault, in those of what answers in its place. */
export function isNotOffered(error: unknown): error is XapiFailure {
  return isFailure(error, 'MESSAGE_METHOD_UNKNOWN', FAULT)
}

/** Stands for a code in a failure that is an XML-RPC fault. */
export const FAULT = 'XML-RPC fault'

/** XAPI's answer has another shape than its data model says: nothing that repeating would mend soon. */
export function unexpectedAnswer(what: string): RefusedError {
  return new RefusedError({
    kind: 'xapi-answer',
    cause: `XAPI sent ${what}`,
    cure: 'Check that the toolstack is a supported version (XenServer 7.0 or newer, XCP-ng 8.0 or newer)',
  })
}

/** What a failed HTTP exchange with XAPI means. Foreign text is cut: an HTML error page may follow it. */
export function translateWireError(method: string, socketPath: string, thrown: unknown): Error {
  if (thrown instanceof XapiFailure || thrown instanceof DeadlineError || thrown instanceof StoppedError) return thrown
  const text = (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 200)
  return new TransientError(
    {
      kind: 'xapi-unreachable',
      cause: `XAPI at ${socketPath} did not answer ${method}: ${text}`,
      cure: 'Check that the toolstack runs (systemctl status xapi); this is tried again by itself',
    },
    { cause: thrown },
  )
}

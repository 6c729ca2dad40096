/** An API failure: HTTP 200 with Status Failure and this code and parameters. */
export class XapiError extends Error {
  readonly code: string
  readonly params: readonly string[]
  constructor(code: string, ...params: string[]) {
    super([code, ...params].join(' '))
    this.name = 'XapiError'
    this.code = code
    this.params = params
  }

  get description(): readonly string[] {
    return [this.code, ...this.params]
  }
}

/** A failure below the API (malformed request, handler crashed): HTTP 500 with an HTML body and a closed connection. */
export class HttpFault extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'HttpFault'
  }
}

export function internalError(...params: string[]): XapiError {
  return new XapiError('INTERNAL_ERROR', ...params)
}

export function handleInvalid(cls: string, ref: string): XapiError {
  return new XapiError('HANDLE_INVALID', cls, ref)
}

export function sessionInvalid(session: string): XapiError {
  return new XapiError('SESSION_INVALID', session)
}

export function asXapiError(thrown: unknown): XapiError {
  if (thrown instanceof XapiError) return thrown
  return internalError(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown))
}

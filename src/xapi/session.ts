import type { Clock } from '../base/clock.ts'
import { linked, within } from '../base/deadline.ts'
import { DeadlineError, StoppedError, TransientError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { CallLines } from './call-lines.ts'
import { isFailure, translateWireError, unexpectedAnswer, XapiFailure } from './errors.ts'
import { NotJsonRpc, sendJson } from './json-rpc.ts'
import { PipeLine } from './pipe-line.ts'
import { send, type XapiParam } from './wire.ts'

/** XAPI counts sessions and tells callers apart by these: they never change. */
const ORIGINATOR = 'xscontainer'
const USER_AGENT = 'xscontainer'
/** How many connections carry calls at the same time; the long poll has one more of its own. */
const LINES = 6

/** The first poll of a session asks for what is there already: when there is no answer by then, none will come. */
const FIRST_JSON_MS = 10_000

export interface XapiCall {
  readonly method: string
  readonly params: readonly XapiParam[]
}

export interface XapiDeps {
  readonly socketPath: string
  readonly clock: Clock
  readonly log: Log
  /** A call must be answered within this, milliseconds. */
  readonly callMs: number
  /** A session of somebody else's, to be used as it is: neither made, nor renewed, nor ended here. */
  readonly session?: string | undefined
}

/** One session with XAPI on its local socket, made at the first call and made again when XAPI has forgotten it. */
export class XapiSession {
  readonly #deps: XapiDeps
  readonly #lines: CallLines
  readonly #pollLine: PipeLine
  readonly #life = new AbortController()
  #login: Promise<string> | undefined
  /** The login under which JSON-RPC did not work. */
  #withoutJson: Promise<string> | undefined
  /** Whether it has worked under this login, and how often the connection was lost since. */
  #json: { readonly login: Promise<string> | undefined; readonly proven: boolean; readonly losses: number } = {
    login: undefined,
    proven: false,
    losses: 0,
  }

  constructor(deps: XapiDeps) {
    this.#deps = deps
    this.#lines = new CallLines(deps.socketPath, LINES)
    this.#pollLine = new PipeLine(deps.socketPath)
  }

  /** Calls `method` with the session and these parameters; XAPI's Value. Rejects with XapiFailure or TransientError. */
  async call(method: string, params: readonly XapiParam[], signal: AbortSignal): Promise<unknown> {
    const [result] = await this.burst([{ method, params }], signal)
    if (result?.status === 'fulfilled') return result.value
    throw result?.reason
  }

  /**
   * Makes calls in this order on one connection without waiting for answers in between. If XAPI has forgotten the
   * session, logs in again and repeats those calls that said so, once.
   */
  async burst(calls: readonly XapiCall[], signal: AbortSignal): Promise<PromiseSettledResult<unknown>[]> {
    const login = this.#session()
    const session = await linked(signal, () => login)
    const results = await this.#burstAs(session, calls, signal)
    const stale = results.flatMap((result, i) =>
      result.status === 'rejected' && isFailure(result.reason, 'SESSION_INVALID') ? [i] : [],
    )
    if (stale.length === 0 || this.#deps.session !== undefined) return results
    this.#forget(login)
    const again = await this.#burstAs(
      await linked(signal, () => this.#session()),
      stale.map((i) => calls[i]!),
      signal,
    )
    return results.map((result, i) => (stale.includes(i) ? again[stale.indexOf(i)]! : result))
  }

  /**
   * A call that may block for `ms` on a connection of its own. SESSION_INVALID is not mended here: whoever waits for
   * events has to start over after it.
   */
  async poll(method: string, params: readonly XapiParam[], ms: number, signal: AbortSignal): Promise<unknown> {
    const login = this.#session()
    const session = await linked(signal, () => login)
    const call = { method, params: [session, ...params] }
    try {
      if (this.#withoutJson === login) return await this.#send(this.#pollLine, call, ms, signal)
      return await this.#pollJson(login, call, ms, signal)
    } catch (error) {
      if (isFailure(error, 'SESSION_INVALID')) this.#forget(login)
      throw error
    }
  }

  /** By JSON-RPC; by XML-RPC as everything else from then on in this session, where that is what works. */
  async #pollJson(login: Promise<string>, call: XapiCall, ms: number, signal: AbortSignal): Promise<unknown> {
    const proven = this.#json.login === login && this.#json.proven
    try {
      const answer = await this.#send(this.#pollLine, call, proven ? ms : Math.min(ms, FIRST_JSON_MS), signal, sendJson)
      this.#json = { login, proven: true, losses: 0 }
      return answer
    } catch (error) {
      if (signal.aborted || isFailure(error, 'SESSION_INVALID')) throw error
      const understood = !proven && error instanceof XapiFailure
      if (!understood && !(error instanceof TransientError && error.cause instanceof NotJsonRpc)) {
        this.#jsonLost(login, proven, error)
        throw error
      }
      this.#pollLine.renew()
      const answer = await this.#send(this.#pollLine, call, ms, signal)
      this.#deps.log.info('XAPI does not answer JSON-RPC: following it by XML-RPC')
      this.#withoutJson = login
      return answer
    }
  }

  /** One lost connection is no reason to do without JSON-RPC, and the caller must start over: events may be lost with it. */
  #jsonLost(login: Promise<string>, proven: boolean, error: unknown): void {
    const losses = this.#json.login === login ? this.#json.losses + 1 : 1
    this.#json = { login, proven, losses }
    if (error instanceof DeadlineError || (!proven && losses >= 2)) this.#withoutJson = login
  }

  /** The session's reference, as good as a password: for what XAPI serves on its socket beside calls. */
  async reference(signal: AbortSignal): Promise<string> {
    return linked(signal, () => this.#session())
  }

  /** Ends the session and closes the connections. Never rejects: a XAPI that is away forgets sessions by itself. */
  async logout(signal: AbortSignal): Promise<void> {
    const login = this.#login
    this.#login = undefined
    try {
      if (login !== undefined && this.#deps.session === undefined) {
        await this.#burstAs(await login, [{ method: 'session.logout', params: [] }], signal)
      }
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'could not log out of XAPI')
    }
    this.#life.abort(new StoppedError('logged out'))
    this.#pollLine.close()
    this.#lines.close()
  }

  /** Shared by all callers, so no single caller's abort ends it; its own deadline does. Callers wait for it `linked`. */
  #session(): Promise<string> {
    if (this.#login === undefined) {
      const login = this.#logIn(this.#life.signal)
      this.#login = login
      login.catch(() => this.#forget(login))
    }
    return this.#login
  }

  async #logIn(signal: AbortSignal): Promise<string> {
    if (this.#deps.session !== undefined) return this.#deps.session
    const params = ['root', '', '1.0', ORIGINATOR]
    this.#lines.relearn()
    const [result] = await this.#onLine([{ method: 'session.login_with_password', params }], signal)
    if (result?.status !== 'fulfilled') throw result?.reason
    if (typeof result.value !== 'string') throw unexpectedAnswer('a session that is not a reference')
    this.#deps.log.debug('logged in to XAPI')
    return result.value
  }

  #forget(login: Promise<string>): void {
    if (this.#login === login) this.#login = undefined
  }

  #burstAs(session: string, calls: readonly XapiCall[], signal: AbortSignal) {
    return this.#onLine(
      calls.map(({ method, params }) => ({ method, params: [session, ...params] })),
      signal,
    )
  }

  #onLine(calls: readonly XapiCall[], signal: AbortSignal): Promise<PromiseSettledResult<unknown>[]> {
    return this.#lines.burst(calls, (line, call) => this.#send(line, call, this.#deps.callMs, signal), signal)
  }

  async #send(line: PipeLine, call: XapiCall, ms: number, signal: AbortSignal, how = send): Promise<unknown> {
    const { clock, socketPath } = this.#deps
    const late = {
      kind: 'xapi-hangs',
      cause: `XAPI at ${socketPath} did not answer ${call.method} within ${Math.round(ms / 1000)} s`,
      cure: 'Check the load of the pool coordinator and /var/log/xensource.log; this is tried again by itself',
    }
    try {
      return await within(clock, ms, signal, late, (inTime) => how(line, USER_AGENT, call.method, call.params, inTime))
    } catch (error) {
      throw translateWireError(call.method, socketPath, error)
    }
  }
}

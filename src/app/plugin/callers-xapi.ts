import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { translateWireError } from '../../xapi/errors.ts'
import { PipeLine } from '../../xapi/pipe-line.ts'
import { send, type XapiParam } from '../../xapi/wire.ts'

/** Another host may have to wait for a container that takes its time to stop. Who waits there gives up earlier. */
const CALL_MS = 15 * 60_000
const USER_AGENT = 'xscontainer'

/** XAPI in the name of whoever called the plugin. The session is XAPI's to end. */
export class CallersXapi {
  readonly #socketPath: string
  readonly #session: string
  readonly #clock: Clock
  readonly #line: PipeLine

  constructor(socketPath: string, session: string, clock: Clock) {
    this.#socketPath = socketPath
    this.#session = session
    this.#clock = clock
    this.#line = new PipeLine(socketPath)
  }

  /** XAPI's Value. Rejects with XapiFailure or TransientError. */
  async call(method: string, params: readonly XapiParam[], signal: AbortSignal): Promise<unknown> {
    const late = {
      kind: 'xapi-hangs',
      cause: `XAPI did not answer ${method} within ${CALL_MS / 60_000} min`,
      cure: 'Check the load of the pool coordinator and /var/log/xensource.log, then try again',
    }
    try {
      return await within(this.#clock, CALL_MS, signal, late, (inTime) =>
        send(this.#line.lane(), USER_AGENT, method, [this.#session, ...params], inTime),
      )
    } catch (error) {
      throw translateWireError(method, this.#socketPath, error)
    }
  }

  close(): void {
    this.#line.close()
  }
}

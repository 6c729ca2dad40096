import { systemClock } from '../../src/base/clock.ts'
import { createLog } from '../../src/base/log.ts'
import { XapiSession } from '../../src/xapi/session.ts'
import type { XapiParam } from '../../src/xapi/wire.ts'

/** One call as an administrator's script makes it: with a session of its own. */
export async function callOnce(socketPath: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const log = createLog('silent', { write: () => undefined })
  const session = new XapiSession({ socketPath, clock: systemClock, log, callMs: 10_000 })
  const signal = new AbortController().signal
  try {
    return await session.call(method, params as readonly XapiParam[], signal)
  } finally {
    await session.logout(signal)
  }
}

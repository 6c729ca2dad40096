import { backoff, type Random } from './backoff.ts'
import type { Clock } from './clock.ts'
import { asError } from './errors.ts'
import type { Log } from './log.ts'

const FIRST_MS = 500
const CAP_MS = 10_000

export interface RetryDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Does `work` again and again until it succeeds; each failure is logged as `what`. Rejects once `signal` aborts. */
export async function retrying<T>(
  { clock, random, log }: RetryDeps,
  what: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const delays = backoff(FIRST_MS, CAP_MS, random)
  for (;;) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const delay = delays.next().value
      log.warn({ err: asError(error), retry_ms: delay }, `${what}, will try again`)
      await clock.sleep(delay, signal)
    }
  }
}

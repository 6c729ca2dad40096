import type { Clock } from '../../base/clock.ts'

/** What is just coming to be known is known within this. */
const PATIENCE_MS = 5000
const LOOK_AGAIN_MS = 100

/** What `look` gives as soon as it gives something, within some seconds. For moments after a start: nothing tells of it. */
export async function sooner<T>(clock: Clock, look: () => T | undefined, signal: AbortSignal): Promise<T | undefined> {
  const end = clock.monotonic() + PATIENCE_MS
  for (;;) {
    const found = look()
    if (found !== undefined || clock.monotonic() >= end) return found
    await clock.sleep(LOOK_AGAIN_MS, signal)
  }
}

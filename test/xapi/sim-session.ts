import { afterEach, beforeEach } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { XapiSession } from '../../src/xapi/session.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { useTestPool } from '../sim/xapi/test-pool.ts'

/** A simulated pool for one test file, and for each test a fresh session with its coordinator. */
export function useSimSession() {
  const sim = useTestPool()
  const state = { recording: new RecordingLog() } as { session: XapiSession; recording: RecordingLog }
  beforeEach(() => {
    state.recording = new RecordingLog()
    state.session = new XapiSession({
      socketPath: sim.coordinator.socketPath,
      clock: systemClock,
      log: state.recording.log,
      callMs: 10_000,
    })
  })
  afterEach(async () => {
    await sim.coordinator.faults.clear()
    await state.session.logout(new AbortController().signal)
  })
  return { sim, state }
}

/** Waits, in turns of the event loop and a few milliseconds, for something that the simulator has to carry. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

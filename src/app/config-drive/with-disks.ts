import { XapiDisks } from '../../xapi/disks.ts'
import { XapiSession } from '../../xapi/session.ts'
import type { HostContext } from '../operations/host-operation.ts'

/** Storage makes a disk, or a guest lets go of one, within seconds; now and then it takes minutes. */
const PATIENT_MS = 5 * 60_000

/** XAPI for work with disks: the host's own session, with more patience. */
export interface Patient {
  readonly session: XapiSession
  readonly disks: XapiDisks
}

/** Lets `work` use the session of this host's with the patience that disks need. */
export async function withDisks<T>(
  host: Pick<HostContext, 'clock' | 'log' | 'config' | 'session'>,
  signal: AbortSignal,
  work: (xapi: Patient) => Promise<T>,
): Promise<T> {
  const { clock, log, config } = host
  // A session that XAPI has forgotten is renewed by this call: the one below could not.
  await host.session.call('pool.get_all', [], signal)
  const reference = await host.session.reference(signal)
  const socketPath = config.xapi.socket
  const session = new XapiSession({ socketPath, clock, log, callMs: PATIENT_MS, session: reference })
  try {
    return await work({ session, disks: new XapiDisks({ clock, session, socketPath }) })
  } finally {
    await session.logout(new AbortController().signal)
  }
}

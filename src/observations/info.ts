import { KEY } from '../model/fields.ts'
import { encodeMembers, readMembers, type Members } from '../documents/members.ts'
import type { Observation } from './observation.ts'
import { isContainer } from './ps.ts'

/**
 * Members of `/info` that change by themselves. DriverStatus holds the space used (devicemapper, zfs, btrfs);
 * the last four are Podman's.
 */
const VOLATILE: ReadonlySet<string> = new Set([
  'SystemTime',
  'NFd',
  'NGoroutines',
  'NEventsListener',
  'DriverStatus',
  'MemFree',
  'SwapFree',
  'SwapTotal',
  'Uptime',
])

/** Those that change the numbers of containers by state. */
const CONTAINER_ACTIONS: ReadonlySet<string> = new Set([
  'create',
  'start',
  'die',
  'pause',
  'unpause',
  'destroy',
  'remove',
])

export const info: Observation<Members> = {
  key: KEY.info,
  cadence: 'resync',
  minGapMs: 10_000,

  dueAfter({ type, action }) {
    return type === 'image' || (isContainer(type) && CONTAINER_ACTIONS.has(action))
  },

  async observe(engine, context, signal) {
    return readMembers(KEY.info, await engine.info(signal), context.previous, VOLATILE)
  },

  encode(members, budgetBytes) {
    return encodeMembers(KEY.info, members, budgetBytes)
  },
}

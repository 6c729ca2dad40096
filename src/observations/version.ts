import { KEY } from '../model/fields.ts'
import { encodeMembers, readMembers, type Members } from '../documents/members.ts'
import type { Observation } from './observation.ts'

const NOTHING_VOLATILE: ReadonlySet<string> = new Set()

export const version: Observation<Members> = {
  key: KEY.version,
  cadence: 'resync',
  minGapMs: 0,

  /** An engine changes its version only by a restart, which ends the connection. */
  dueAfter() {
    return false
  },

  async observe(engine, context, signal) {
    return readMembers(KEY.version, await engine.version(signal), context.previous, NOTHING_VOLATILE)
  },

  encode(members, budgetBytes) {
    return encodeMembers(KEY.version, members, budgetBytes)
  },
}

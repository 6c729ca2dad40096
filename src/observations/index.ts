import { info } from './info.ts'
import type { Observation } from './observation.ts'
import { ps } from './ps.ts'
import { top } from './top.ts'
import { version } from './version.ts'

/** Everything that is published about a guest, in the order in which it is looked at. */
export const OBSERVATIONS: readonly Observation<unknown>[] = [ps, info, version, top]

import { console } from './console.ts'
import { deregister } from './deregister.ts'
import { exec } from './exec.ts'
import { followLogs } from './follow-logs.ts'
import { getInspect } from './get-inspect.ts'
import { getLogs } from './get-logs.ts'
import { getStats } from './get-stats.ts'
import { getTop } from './get-top.ts'
import type { Operation, StreamOperation } from './operation.ts'
import { pause } from './pause.ts'
import { register } from './register.ts'
import { restart } from './restart.ts'
import { start } from './start.ts'
import { stop } from './stop.ts'
import { unpause } from './unpause.ts'

/** What clients can ask for about one VM. */
export const OPERATIONS: readonly Operation[] = [
  ...[register, deregister],
  ...[start, stop, restart, pause, unpause],
  ...[getInspect, getTop, getLogs, getStats],
]

/** What they can have a conversation about. */
export const STREAM_OPERATIONS: readonly StreamOperation[] = [exec, console, followLogs]

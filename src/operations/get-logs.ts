import { containerRef } from '../engine/container-ref.ts'
import type { LogsWanted } from '../engine/logs.ts'
import { argument, count } from './arguments.ts'
import { engineOf } from './engine-of.ts'
import { logText } from './log-text.ts'
import { moment } from './moment.ts'
import type { Args, Operation } from './operation.ts'

const MAX_BYTES = 262_144
const MAX_LINES = 1_000
const DEFAULT_LINES = 100

/**
 * The last lines that a container has printed, as plain text. `lines`: how many, 1 to 1,000, by default 100; `since`:
 * none before, as Unix seconds, RFC 3339 time, or time span such as `10m`.
 */
export const getLogs: Operation = {
  name: 'get_logs',
  args: ['vmuuid', 'object'],

  async run(context, args, signal) {
    const container = containerRef(args.object ?? '')
    const wanted = logsWanted(args, context.clock.now())
    const engine = await engineOf(context, signal)
    return logText(await engine.logs(container, wanted, MAX_BYTES, signal), wanted.lines, MAX_BYTES)
  },
}

export function logsWanted(args: Args, nowMs: number): LogsWanted {
  const since = argument(args, 'since')
  return {
    lines: count(args, 'lines', MAX_LINES, DEFAULT_LINES),
    since: since === undefined ? undefined : moment('since', since, nowMs),
  }
}

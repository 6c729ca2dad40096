import { containerRef } from '../engine/container-ref.ts'
import { engineOf } from './engine-of.ts'
import { logsWanted } from './get-logs.ts'
import type { StreamOperation } from './operation.ts'

/** What a container has printed last, and then what it prints until it ends, as it is. Arguments as of get_logs. */
export const followLogs: StreamOperation = {
  name: 'follow_logs',
  args: ['vmuuid', 'object'],

  async open(context, args, signal) {
    const container = containerRef(args.object ?? '')
    const wanted = logsWanted(args, context.clock.now())
    const engine = await engineOf(context, signal)
    return engine.followLogs(container, wanted, signal)
  },
}

import { within } from '../../base/deadline.ts'
import { RefusedError } from '../../base/errors.ts'
import type { Args } from '../../operations/operation.ts'
import { ALL_OPERATIONS } from './all-operations.ts'
import { LoneHost, type LoneDeps } from './lone-host.ts'
import { runOperation } from './run-operation.ts'

const LOGOUT_MS = 2000

/**
 * Does an operation in this process, without a daemon: the payload. Rejects with a DiagnosedError. Kind `vm-elsewhere`:
 * another host has the VM.
 */
export async function runAlone(deps: LoneDeps, operation: string, args: Args, signal: AbortSignal): Promise<string> {
  const host = new LoneHost(deps)
  try {
    const answer = await runOperation(ALL_OPERATIONS, host, operation, args, signal)
    if (typeof answer === 'string') return answer
    answer.close()
    throw conversation(operation)
  } finally {
    const late = { kind: 'xapi-hangs', cause: 'XAPI did not end the session', cure: 'Nothing needs to be done' }
    const forever = new AbortController().signal
    await within(deps.clock, LOGOUT_MS, forever, late, (inTime) => host.close(inTime)).catch(() => undefined)
  }
}

function conversation(operation: string): RefusedError {
  return new RefusedError({
    kind: 'needs-daemon',
    cause: `${operation} is a conversation, which only the monitor of the VM's host can hold`,
    cure: 'Start it: systemctl start xscontainer-monitor',
  })
}

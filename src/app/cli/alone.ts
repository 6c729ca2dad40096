import { systemRandom } from '../../base/backoff.ts'
import { createLog } from '../../base/log.ts'
import type { ControlUnavailable } from '../../control/client.ts'
import type { Args } from '../../operations/operation.ts'
import { runAlone } from '../operations/run-alone.ts'
import type { CliContext } from './context.ts'

/** Does an operation without the monitor, by a connection of its own; says so when that is not there. Rejects with a DiagnosedError. */
export async function askAlone(
  context: CliContext,
  operation: string,
  args: Args,
  unavailable?: ControlUnavailable,
): Promise<string> {
  if (unavailable !== undefined) {
    const { cause, cure } = unavailable.diagnosis
    context.note(`${cause}; doing it without. ${cure}`)
  }
  const log = createLog('silent', { write: () => undefined })
  const deps = { clock: context.clock, random: systemRandom, log, config: await context.config() }
  return runAlone(deps, operation, args, context.signal)
}

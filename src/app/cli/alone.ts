import type { ControlUnavailable } from '../../control/client.ts'
import type { Args } from '../../operations/operation.ts'
import type { CliContext } from './context.ts'

/** Does an operation without the monitor, by a connection of its own. Rejects with a DiagnosedError. */
export async function askAlone(
  _context: CliContext,
  _operation: string,
  _args: Args,
  unavailable: ControlUnavailable,
): Promise<string> {
  return Promise.reject(unavailable)
}

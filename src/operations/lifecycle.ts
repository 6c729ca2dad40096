import { DiagnosedError } from '../base/errors.ts'
import { cutText } from '../base/text.ts'
import type { Verb } from '../engine/container-calls.ts'
import { containerRef } from '../engine/container-ref.ts'
import { demandActions } from './actions-allowed.ts'
import { demandMonitored } from './engine-of.ts'
import type { Operation, VmContext } from './operation.ts'
import { untilListed } from './until-listed.ts'

/** The operation that does this to one container, given by name, id or the beginning of its id. */
export function lifecycle(verb: Verb): Operation {
  return {
    name: verb,
    args: ['vmuuid', 'container'],

    async run(context, args, signal) {
      const container = containerRef(args.container ?? '')
      demandMonitored(context.vm)
      await demandActions(context, signal)
      await telling(context, verb, container, signal, async () => {
        await (await context.engine(signal)).act(container, verb, signal)
      })
      await refresh(context, verb, container, signal)
      return ''
    },
  }
}

/** A failure reaches the administrator as well as the caller; that it could not be told is no failure of its own. */
async function telling(
  context: VmContext,
  verb: Verb,
  container: string,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof DiagnosedError && !signal.aborted) {
      const title = `Container Management cannot ${verb} ${cutText(container, 64)}: ${cutText(error.diagnosis.cause, 160)}`
      await context.tell(title, error.message, signal).catch(() => undefined)
    }
    throw error
  }
}

/** So that a client that reads the list next sees what was done. Where it cannot be: done it is, and nobody should do it again. */
async function refresh(context: VmContext, verb: Verb, container: string, signal: AbortSignal): Promise<void> {
  try {
    await untilListed(context, verb, container, signal)
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error
  }
}

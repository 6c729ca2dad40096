import { DiagnosedError } from '../base/errors.ts'
import { cutText } from '../base/text.ts'
import type { Verb } from '../engine/container-calls.ts'
import { containerRef } from '../engine/container-ref.ts'
import type { Engine } from '../engine/engine.ts'
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
      const engine = await telling(context, verb, container, signal, async () => {
        const found = await context.engine(signal)
        await found.act(container, verb, signal)
        return found
      })
      await refresh(context, engine, verb, container, signal)
      return ''
    },
  }
}

/** A failure reaches the administrator as well as the caller; that it could not be told is no failure of its own. */
async function telling<T>(
  context: VmContext,
  verb: Verb,
  container: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DiagnosedError && !signal.aborted) {
      const title = `Container Management cannot ${verb} ${cutText(container, 64)}`
      await context.tell(title, error.message, signal).catch(() => undefined)
    }
    throw error
  }
}

/** So that a client that reads the list next sees what was done. Where it cannot be: done it is, and nobody should do it again. */
async function refresh(
  context: VmContext,
  engine: Engine,
  verb: Verb,
  container: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await untilListed(engine, verb, container, context.clock, signal)
    await context.refreshList(signal)
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error
  }
}

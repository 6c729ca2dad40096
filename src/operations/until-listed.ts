import type { ContainerEntry } from '../documents/container-entry.ts'
import type { Verb } from '../engine/container-calls.ts'
import type { VmContext } from './operation.ts'

/** Docker's list shows the end of a container up to 0.1 s after Docker has said that it is done. */
const PATIENCE_MS = 300
const AGAIN_MS = 12

/** What the list says afterwards; a start or restart may be over before anybody looks. */
const AFTERWARDS: Readonly<Partial<Record<Verb, (status: string) => boolean>>> = {
  stop: (status) => !status.startsWith('Up'),
  pause: (status) => status !== 'Up',
  unpause: (status) => status !== 'Up (Paused)',
}

/** Brings the published list up to date; again, for a moment, until it shows what was done, or no longer the container. */
export async function untilListed(
  context: VmContext,
  verb: Verb,
  container: string,
  signal: AbortSignal,
): Promise<void> {
  const isSo = AFTERWARDS[verb]
  const end = context.clock.monotonic() + PATIENCE_MS
  for (;;) {
    const entry = entryOf((await context.refreshList(signal)) ?? [], container)
    if (entry === undefined || isSo === undefined || isSo(entry.status)) return
    if (context.clock.monotonic() > end) return
    await context.clock.sleep(AGAIN_MS, signal)
  }
}

/** As engines understand a reference: id or name, then the beginning of an id. */
function entryOf(entries: readonly ContainerEntry[], container: string): ContainerEntry | undefined {
  return (
    entries.find(({ id, names }) => id === container || names === container) ??
    entries.find(({ id }) => id.startsWith(container))
  )
}

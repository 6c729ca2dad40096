import type { ContainerEntry } from '../documents/container-entry.ts'
import type { Verb } from '../engine/container-calls.ts'
import { isRecord } from '../engine/replies.ts'
import type { VmContext } from './operation.ts'

/** Docker's list shows what was done up to 0.1 s after Docker has said that it is done, where disks are slow seconds after. */
const PATIENCE_MS = 3000
const FIRST_PAUSE_MS = 12
const LONGEST_PAUSE_MS = 200
/** When it is doubted that the list is late: a container may have ended, or somebody else may have done something. */
const DOUBT_MS: Readonly<Record<Verb, number>> = { start: 0, restart: 0, stop: 300, pause: 300, unpause: 300 }

/** What the list says afterwards. */
const AFTERWARDS: Readonly<Record<Verb, (status: string) => boolean>> = {
  start: isUp,
  restart: isUp,
  stop: (status) => !isUp(status),
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
  const begun = context.clock.monotonic()
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const entry = entryOf((await context.refreshList(signal)) ?? [], container)
    if (entry === undefined || AFTERWARDS[verb](entry.status)) return
    const waited = context.clock.monotonic() - begun
    if (waited > PATIENCE_MS || (waited >= DOUBT_MS[verb] && (await isSo(context, entry, signal)))) return
    await context.clock.sleep(pause, signal)
  }
}

/** Whether the container itself is as the list says: Docker's answer about one container is never late. */
async function isSo(context: VmContext, { id, status }: ContainerEntry, signal: AbortSignal): Promise<boolean> {
  const { State: state } = await (await context.engine(signal)).inspect(id, signal)
  const { Running: running, Paused: paused, Restarting: restarting } = isRecord(state) ? state : {}
  // Podman's paused containers do not run, and Docker's run while they wait to be restarted.
  const up = (running === true && restarting !== true) || paused === true
  return isUp(status) === up && status.includes('(Paused)') === (paused === true)
}

function isUp(status: string): boolean {
  return status.startsWith('Up')
}

/** As engines understand a reference: id or name, then the beginning of an id. */
function entryOf(entries: readonly ContainerEntry[], container: string): ContainerEntry | undefined {
  return (
    entries.find(({ id, names }) => id === container || names === container) ??
    entries.find(({ id }) => id.startsWith(container))
  )
}

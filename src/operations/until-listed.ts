import type { Clock } from '../base/clock.ts'
import { normalStatus } from '../documents/container-state.ts'
import type { Verb } from '../engine/container-calls.ts'
import type { Engine } from '../engine/engine.ts'

/** Docker's list shows the end of a container up to 0.1 s after Docker has said that it is done. */
const TRIES = 26
const AGAIN_MS = 12

/** What the list says afterwards; a start or restart may be over before anybody looks. */
const AFTERWARDS: Readonly<Partial<Record<Verb, (status: string) => boolean>>> = {
  stop: (status) => !status.startsWith('Up'),
  pause: (status) => status !== 'Up',
  unpause: (status) => status !== 'Up (Paused)',
}

/** Waits a moment until the engine's list shows what was done to the container, or no longer shows the container. */
export async function untilListed(
  engine: Engine,
  verb: Verb,
  container: string,
  clock: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  const isSo = AFTERWARDS[verb]
  if (isSo === undefined) return
  for (let tries = 1; tries <= TRIES; tries++) {
    const entry = entryOf(await engine.list(signal), container)
    if (entry === undefined || isSo(normalStatus(String(entry.Status), String(entry.State)))) return
    await clock.sleep(AGAIN_MS, signal)
  }
}

/** As engines understand a reference: id or name, then the beginning of an id. */
function entryOf(list: Awaited<ReturnType<Engine['list']>>, container: string) {
  const isNamed = (names: unknown) => Array.isArray(names) && names.includes(`/${container}`)
  return (
    list.find(({ Id, Names }) => Id === container || isNamed(Names)) ??
    list.find(({ Id }) => typeof Id === 'string' && Id.startsWith(container))
  )
}

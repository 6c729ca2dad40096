import type { KeyStore } from '../model/stores.ts'

const PURPOSE = 'pool key since '
/** A secret is named within seconds of its making, or whoever made it has ended. */
const NAMED_WITHIN_MS = 5 * 60_000

/** For secrets that are made before they can be named: what ended in between leaves nothing that nobody finds. */
export function orphanLabel(nowMs: number): string {
  return PURPOSE + new Date(nowMs).toISOString()
}

/** Destroys secrets with such a label that the pool does not name and that nobody is about to name; how many. */
export async function destroyOrphans(store: KeyStore, nowMs: number, signal: AbortSignal): Promise<number> {
  const labelled = await store.labelled(signal)
  // After the list: what has been made and named since is not in it.
  const named = new Set(Object.values(await store.poolConfig(signal)))
  const orphans = labelled.filter(({ uuid, label }) => !named.has(uuid) && isOld(label, nowMs))
  for (const { uuid } of orphans) await store.destroy(uuid, signal)
  return orphans.length
}

function isOld(label: string, nowMs: number): boolean {
  const madeAt = label.startsWith(PURPOSE) ? Date.parse(label.slice(PURPOSE.length)) : Number.NaN
  // A clock that was set back must not keep it for years.
  return Math.abs(nowMs - madeAt) > NAMED_WITHIN_MS
}

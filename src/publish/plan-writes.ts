import { KEY, LIVE_KEYS, type Fields, type FieldWrite } from '../model/fields.ts'

/** What a VM's keys shall be: undefined means absent. Keys that are not named are left alone. */
export type Wanted = ReadonlyMap<string, string | undefined>

export interface WritePlan {
  /** Made first and alone: it wakes whoever waits for events, so that they are busy while the rest is written. */
  readonly stamp: readonly FieldWrite[]
  readonly writes: readonly FieldWrite[]
  /** Whether a key is replaced, so that for a moment it is missing. */
  readonly replaces: boolean
}

/**
 * The smallest list of writes that turns `actual` into `wanted`: only what differs byte for byte; removals, then
 * documents, then the status line, so that whoever reads `monitored` finds the documents. `held` keys stay as they
 * are for now, and the status line with the documents.
 */
export function planWrites(
  actual: Fields,
  wanted: Wanted,
  nowIso: string,
  held: (key: string) => boolean = () => false,
): WritePlan {
  const differing = [...wanted].filter(([key, value]) => key !== KEY.updated && actual[key] !== value)
  const late = new Set(differing.map(([key]) => key).filter(held))
  if (LIVE_KEYS.some((key) => late.has(key))) late.add(KEY.status)
  const changes = differing
    .filter(([key]) => !late.has(key))
    .map(([key, value]) => ({ key, value, replaces: actual[key] !== undefined }))
    .sort((a, b) => rank(a) - rank(b))
  const live = changes.some(({ key }) => LIVE_KEYS.includes(key))
  const unstamp = wanted.has(KEY.updated) && wanted.get(KEY.updated) === undefined
  const hasStamp = actual[KEY.updated] !== undefined
  // Without it before them, clients would now and then see a VM without its list: then the stamp's own pace does not count.
  const relisted = changes.some(({ key, value, replaces }) => key === KEY.ps && replaces && value !== undefined)
  const stamped = live && !unstamp && (relisted || !held(KEY.updated))
  const stamp = stamped ? [{ key: KEY.updated, value: nowIso, replaces: hasStamp }] : []
  const writes = unstamp && hasStamp ? [{ key: KEY.updated, value: undefined, replaces: true }, ...changes] : changes
  return { stamp, writes, replaces: changes.some(({ value, replaces }) => replaces && value !== undefined) }
}

function rank(write: FieldWrite): number {
  if (write.value === undefined) return 0
  return write.key === KEY.status ? 2 : 1
}

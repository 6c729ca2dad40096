import type { XapiSession } from '../../xapi/session.ts'
import { readStorage } from '../../xapi/storage.ts'
import { isRecord } from '../../xapi/wire.ts'

/** Drives of the host, and the tools' disc: nothing can be made there. */
const READ_ONLY_TYPES: ReadonlySet<string> = new Set(['udev'])
const MOST_LOOKED_AT = 8

/**
 * Refs of the storage repositories attached to this host where a disc may be made: those for ISO files first, since
 * XAPI inserts discs of others only in some versions. `wanted`: that one alone.
 */
export async function storagesForDiscs(
  session: Pick<XapiSession, 'call'>,
  host: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (wanted !== undefined) return [wanted]
  const records = await session.call('SR.get_all_records', [], signal)
  const usable = Object.entries(isRecord(records) ? records : {}).flatMap(([ref, record]) => {
    if (!isRecord(record) || READ_ONLY_TYPES.has(String(record['type'])) || record['is_tools_sr'] === true) return []
    const allowed: unknown = record['allowed_operations']
    if (Array.isArray(allowed) && allowed.length > 0 && !allowed.includes('vdi_create')) return []
    return [{ ref, isIso: record['content_type'] === 'iso' || record['type'] === 'iso' }]
  })
  const ordered = usable.sort((a, b) => Number(b.isIso) - Number(a.isIso)).slice(0, MOST_LOOKED_AT)
  const storages = await Promise.all(ordered.map(({ ref }) => readStorage(session, ref, signal)))
  return storages.flatMap((storage) => (storage?.hosts.includes(host) === true ? [storage.ref] : []))
}

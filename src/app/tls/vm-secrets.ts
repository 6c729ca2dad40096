import type { TlsSecrets } from '../../model/guest.ts'
import type { KeyStore } from '../../model/stores.ts'
import type { TlsParts } from '../../transports/tls/material.ts'
import { unexpectedAnswer } from '../../xapi/errors.ts'
import { fieldsOf } from '../../xapi/vm-record.ts'
import { isRecord } from '../../xapi/wire.ts'
import type { XapiSession } from '../../xapi/session.ts'

const PURPOSE = 'tls since '
/** A secret is named within seconds of its making, or whoever made it has ended. */
const NAMED_WITHIN_MS = 60 * 60_000
type Store = Pick<KeyStore, 'create' | 'read' | 'destroy' | 'labelled' | 'poolConfig'>

/** Puts the three parts into secrets of their own, marked as ours. When that fails nothing of them is left. */
export async function createSecrets(
  store: Store,
  parts: TlsParts,
  nowMs: number,
  signal: AbortSignal,
): Promise<TlsSecrets> {
  const made: string[] = []
  const create = async (pem: string) => {
    const uuid = await store.create(pem, signal, PURPOSE + new Date(nowMs).toISOString())
    made.push(uuid)
    return uuid
  }
  try {
    const [certificate, key, ca] = [await create(parts.certificate), await create(parts.key), await create(parts.ca)]
    return { certificate, key, ca }
  } catch (error) {
    const forever = new AbortController().signal
    for (const uuid of made) await store.destroy(uuid, forever).catch(() => undefined)
    throw error
  }
}

/**
 * Destroys those of these secrets that no VM, snapshot or template, nor the pool, names any more; the uuids. They were
 * named as a VM's TLS material before; one that is not marked as ours must hold PEM text besides: whoever may set a
 * VM's other_config must not thereby have any other secret destroyed.
 */
export async function destroyUnnamed(
  session: Pick<XapiSession, 'call'>,
  store: Store,
  uuids: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const candidates = [...new Set(uuids)].filter((uuid) => uuid !== '')
  if (candidates.length === 0) return []
  const marked = new Set((await store.labelled(signal)).filter(isTls).map(({ uuid }) => uuid))
  const named = await namedUuids(session, store, signal)
  const destroyed: string[] = []
  for (const uuid of candidates) {
    if (named.has(uuid)) continue
    if (!marked.has(uuid) && !isPem(await store.read(uuid, signal))) continue
    await store.destroy(uuid, signal)
    destroyed.push(uuid)
  }
  return destroyed
}

/** Destroys marked secrets that are named nowhere and that nobody is about to name, as those of VMs that are gone; the uuids. */
export async function destroyOrphanSecrets(
  session: Pick<XapiSession, 'call'>,
  store: Store,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const old = (await store.labelled(signal)).filter((secret) => isTls(secret) && isOld(secret.label, nowMs))
  if (old.length === 0) return []
  const named = await namedUuids(session, store, signal)
  const orphans = old.map(({ uuid }) => uuid).filter((uuid) => !named.has(uuid))
  for (const uuid of orphans) await store.destroy(uuid, signal)
  return orphans
}

/** Every value in other_config of the pool and of all VMs, snapshots and templates: uuids of secrets are among them. */
async function namedUuids(session: Pick<XapiSession, 'call'>, store: Store, signal: AbortSignal): Promise<Set<string>> {
  const records = await session.call('VM.get_all_records', [], signal)
  // Whoever does not know what is named must not destroy anything.
  if (!isRecord(records)) throw unexpectedAnswer('something else than VMs')
  const configs = Object.values(records).map((record) =>
    fieldsOf(isRecord(record) && record['other_config'], () => true),
  )
  const pool = await store.poolConfig(signal)
  return new Set([...configs, pool].flatMap((config) => Object.values(config).map((value) => value.trim())))
}

function isPem(value: string | undefined): boolean {
  return value?.includes('-----BEGIN ') === true
}

function isTls({ label }: { readonly label: string }): boolean {
  return label.startsWith(PURPOSE)
}

function isOld(label: string, nowMs: number): boolean {
  // A clock that was set back must not keep it for years.
  return !(Math.abs(nowMs - Date.parse(label.slice(PURPOSE.length))) <= NAMED_WITHIN_MS)
}

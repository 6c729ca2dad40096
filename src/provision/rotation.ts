import { POOL_KEY } from '../model/pool.ts'
import type { KeyStore, SecretStore } from '../model/stores.ts'
import type { KeyTools } from './pool-key.ts'

/**
 * The keys of a pool while they change, private halves in PEM. With `next`: it is being put into guests beside
 * `current`. With `previous` alone: guests that have let `current` in may lose it; others may have nothing else.
 */
export interface PoolKeys {
  readonly current: string
  readonly next: string | undefined
  readonly previous: string | undefined
  /** Whether the lines of `next`, or of what it has become, are to be restricted ones. */
  readonly restrict: boolean
}

export type RotationTools = KeyTools & Required<Pick<KeyTools, 'label'>>

/** The keys as they are; undefined: the pool has none. A name whose secret is gone counts as no name. */
export async function readPoolKeys(
  store: Pick<SecretStore, 'poolConfig' | 'read'>,
  signal: AbortSignal,
): Promise<PoolKeys | undefined> {
  const config = await store.poolConfig(signal)
  const read = async (key: string) => {
    const uuid = config[key]
    return uuid === undefined ? undefined : store.read(uuid, signal)
  }
  const current = await read(POOL_KEY.privateKey)
  if (current === undefined) return undefined
  const next = await read(POOL_KEY.nextKey)
  const previous = await read(POOL_KEY.previousKey)
  // Between two steps of the exchange a key stands in two places.
  return {
    current,
    next: next === current ? undefined : next,
    previous: previous === current ? undefined : previous,
    restrict: config[POOL_KEY.restrictKey] === 'true',
  }
}

/**
 * Step 1: there is a next key. One that an earlier run made is taken; while guests may still have none but the previous
 * key, none is made. `restrict` counts for a new one. The pool must have a key.
 */
export async function beginRotation(
  store: KeyStore,
  tools: RotationTools,
  restrict: boolean,
  signal: AbortSignal,
): Promise<void> {
  await dropDangling(store, [POOL_KEY.nextKey, POOL_KEY.previousKey], signal)
  const config = await store.poolConfig(signal)
  if (config[POOL_KEY.nextKey] !== undefined || config[POOL_KEY.previousKey] !== undefined) return
  const { privatePem } = await tools.generate()
  if (restrict) await store.assign(POOL_KEY.restrictKey, 'true', signal)
  else await store.drop(POOL_KEY.restrictKey, signal)
  const uuid = await store.create(privatePem, signal, tools.label())
  if (!(await store.claim(POOL_KEY.nextKey, uuid, signal))) await store.destroy(uuid, signal)
  // What guests are given must not be forgotten.
  await store.flush(signal)
}

/**
 * Step 2: the next key becomes the pool's. The secret stays and gets another value, at once: a pool that names no key
 * for a moment would be given a new one by whoever looks then. Does nothing where there is no next key.
 */
export async function exchangeKeys(store: KeyStore, tools: RotationTools, signal: AbortSignal): Promise<void> {
  const config = await store.poolConfig(signal)
  const { [POOL_KEY.privateKey]: currentUuid, [POOL_KEY.nextKey]: nextUuid } = config
  if (currentUuid === undefined || nextUuid === undefined) return
  const [current, next] = [await store.read(currentUuid, signal), await store.read(nextUuid, signal)]
  if (current !== undefined && next !== undefined && current !== next) {
    await keepPrevious(store, tools, current, signal)
    await store.replace(currentUuid, next, signal)
  }
  // The key before it goes from guests as soon as there is no next one.
  await store.flush(signal)
  if (next !== undefined) await replacePublic(store, tools, config[POOL_KEY.publicKey], next, signal)
  await store.destroy(nextUuid, signal)
  // The pool object changes: every host reads its key anew.
  await store.drop(POOL_KEY.nextKey, signal)
}

/** Step 3, when no guest needs the previous key any more: it goes. Does nothing while there is a next one. */
export async function endRotation(store: KeyStore, signal: AbortSignal): Promise<void> {
  const config = await store.poolConfig(signal)
  if (config[POOL_KEY.nextKey] !== undefined) return
  const previous = config[POOL_KEY.previousKey]
  if (config[POOL_KEY.restrictKey] !== undefined) await store.drop(POOL_KEY.restrictKey, signal)
  if (previous === undefined) return
  await store.destroy(previous, signal)
  await store.drop(POOL_KEY.previousKey, signal)
}

async function keepPrevious(store: KeyStore, tools: RotationTools, pem: string, signal: AbortSignal): Promise<void> {
  if ((await store.poolConfig(signal))[POOL_KEY.previousKey] !== undefined) return
  const uuid = await store.create(pem, signal, tools.label())
  if (!(await store.claim(POOL_KEY.previousKey, uuid, signal))) await store.destroy(uuid, signal)
}

async function replacePublic(
  store: KeyStore,
  tools: RotationTools,
  uuid: string | undefined,
  pem: string,
  signal: AbortSignal,
): Promise<void> {
  const line = tools.publicLineOf(pem)
  if (uuid !== undefined && (await store.read(uuid, signal)) !== undefined) return store.replace(uuid, line, signal)
  await store.assign(POOL_KEY.publicKey, await store.create(line, signal, tools.label()), signal)
}

/** A run that ended between destroying a secret and taking its name back leaves the name. */
async function dropDangling(store: KeyStore, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const config = await store.poolConfig(signal)
  for (const key of keys) {
    const uuid = config[key]
    if (uuid !== undefined && (await store.read(uuid, signal)) === undefined) await store.drop(key, signal)
  }
}

import { RefusedError } from '../base/errors.ts'
import { POOL_KEY } from '../model/pool.ts'
import type { SecretStore } from '../model/stores.ts'

/** How keys are made and read: the formats are the SSH transport's business. */
export interface KeyTools {
  generate(): Promise<{ readonly privatePem: string; readonly publicLine: string }>
  /** `ssh-rsa AAAA.. comment` of a private key in PEM form. */
  publicLineOf(privatePem: string): string
}

/**
 * The pool's private SSH key in PEM form, made and stored as secrets if the pool has none. When two hosts make one at
 * the same moment, the first to name its key on the pool wins and the other destroys what it made.
 */
export async function ensurePoolKey(store: SecretStore, tools: KeyTools, signal: AbortSignal): Promise<string> {
  const config = await store.poolConfig(signal)
  const known = config[POOL_KEY.privateKey]
  const published = config[POOL_KEY.publicKey] !== undefined
  if (known === undefined) return makeKey(store, tools, published, signal)
  const pem = await readKey(store, known, signal)
  if (!published) await publish(store, tools.publicLineOf(pem), signal)
  return pem
}

/** `stale`: the pool names a public half whose private one is gone; the new one takes its place. */
async function makeKey(store: SecretStore, tools: KeyTools, stale: boolean, signal: AbortSignal): Promise<string> {
  const { privatePem, publicLine } = await tools.generate()
  const uuid = await store.create(privatePem, signal)
  if (!(await store.claim(POOL_KEY.privateKey, uuid, signal))) {
    await store.destroy(uuid, signal)
    return ensurePoolKey(store, tools, signal)
  }
  if (stale) await store.assign(POOL_KEY.publicKey, await store.create(publicLine, signal), signal)
  else await publish(store, publicLine, signal)
  return privatePem
}

/** Another host may find the public half missing at the same moment: it would write the same line, so the first will do. */
async function publish(store: SecretStore, publicLine: string, signal: AbortSignal): Promise<void> {
  const uuid = await store.create(publicLine, signal)
  if (!(await store.claim(POOL_KEY.publicKey, uuid, signal))) await store.destroy(uuid, signal)
}

async function readKey(store: SecretStore, uuid: string, signal: AbortSignal): Promise<string> {
  const pem = await store.read(uuid, signal)
  if (pem !== undefined) return pem
  throw new RefusedError({
    kind: 'pool-key-gone',
    cause: `The pool's other_config names secret ${uuid} as its SSH key, but there is no such secret`,
    cure: `Remove ${POOL_KEY.privateKey} and ${POOL_KEY.publicKey} from the pool's other_config to have a new key made, then install that in the guests`,
  })
}

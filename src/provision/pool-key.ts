import { RefusedError } from '../base/errors.ts'
import { POOL_KEY } from '../model/pool.ts'
import type { KeyStore, SecretStore } from '../model/stores.ts'

/** How keys are made and read: the formats are the SSH transport's business. */
export interface KeyTools {
  generate(): Promise<{ readonly privatePem: string; readonly publicLine: string }>
  /** `ssh-rsa AAAA.. comment` of a private key in PEM form. Throws a RefusedError. */
  publicLineOf(privatePem: string): string
  /** What new secrets are labelled with: see orphanLabel. */
  label?(): string
}

type Store = Omit<KeyStore, 'replace' | 'labelled' | 'flush'>

/**
 * The pool's private SSH key in PEM form, made and stored as secrets if the pool has none. When two hosts make one at
 * the same moment, the first to name its key on the pool wins and the other destroys what it made.
 */
export async function ensurePoolKey(store: Store, tools: KeyTools, signal: AbortSignal): Promise<string> {
  const config = await store.poolConfig(signal)
  const known = config[POOL_KEY.privateKey]
  const published = config[POOL_KEY.publicKey]
  if (known === undefined) return makeKey(store, tools, published, signal)
  const pem = await readKey(store, known, signal)
  if (published === undefined) await publish(store, tools, tools.publicLineOf(pem), signal)
  return pem
}

/** The same without making or mending anything; undefined: the pool has no key. Rejects when it names one that is gone. */
export async function readPoolPem(
  store: Pick<SecretStore, 'poolConfig' | 'read'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const known = (await store.poolConfig(signal))[POOL_KEY.privateKey]
  return known === undefined ? undefined : readKey(store, known, signal)
}

/** `stale`: the pool names a public half whose private one is gone. It goes first: nobody would look at it again later. */
async function makeKey(store: Store, tools: KeyTools, stale: string | undefined, signal: AbortSignal): Promise<string> {
  const { privatePem, publicLine } = await tools.generate()
  if (stale !== undefined) {
    await store.destroy(stale, signal)
    await store.drop(POOL_KEY.publicKey, signal)
  }
  const uuid = await store.create(privatePem, signal, tools.label?.())
  if (!(await store.claim(POOL_KEY.privateKey, uuid, signal))) {
    await store.destroy(uuid, signal)
    return ensurePoolKey(store, tools, signal)
  }
  await publish(store, tools, publicLine, signal)
  return privatePem
}

/** Another host may find the public half missing at the same moment: it would write the same line, so the first will do. */
async function publish(store: Store, tools: KeyTools, publicLine: string, signal: AbortSignal): Promise<void> {
  const uuid = await store.create(publicLine, signal, tools.label?.())
  if (!(await store.claim(POOL_KEY.publicKey, uuid, signal))) await store.destroy(uuid, signal)
}

async function readKey(store: Pick<SecretStore, 'read'>, uuid: string, signal: AbortSignal): Promise<string> {
  const pem = await store.read(uuid, signal)
  if (pem !== undefined) return pem
  throw new RefusedError({
    kind: 'pool-key-gone',
    cause: `The pool's other_config names secret ${uuid} as its SSH key, but there is no such secret`,
    cure: `Remove ${POOL_KEY.privateKey} and ${POOL_KEY.publicKey} from the pool's other_config to have a new key made, then install that in the guests`,
  })
}

import { RefusedError } from '../../base/errors.ts'
import { POOL_KEY } from '../../model/pool.ts'
import type { SecretStore } from '../../model/stores.ts'
import { readPoolPem } from '../../provision/pool-key.ts'
import { parsePrivateKey, type SshKey } from '../../transports/ssh/ssh-key.ts'

/** The pool's SSH key as it is: none is made, nothing is written. Rejects with a DiagnosedError when there is none. */
export async function readPoolKey(
  store: Pick<SecretStore, 'poolConfig' | 'read'>,
  signal: AbortSignal,
): Promise<SshKey> {
  const pem = await readPoolPem(store, signal)
  if (pem !== undefined) return parsePrivateKey(pem)
  throw new RefusedError({
    kind: 'no-pool-key',
    cause: 'This pool has no SSH key yet',
    cure: 'Have one made: xscontainer key show, or start xscontainer-monitor on a host of the pool',
  })
}

/** The key before it, for as long as guests may still have that one in its place. */
export async function readPreviousKey(
  store: Pick<SecretStore, 'poolConfig' | 'read'>,
  signal: AbortSignal,
): Promise<SshKey | undefined> {
  const uuid = (await store.poolConfig(signal))[POOL_KEY.previousKey]
  const pem = uuid === undefined ? undefined : await store.read(uuid, signal)
  return pem === undefined ? undefined : parsePrivateKey(pem)
}

import { RefusedError } from '../../base/errors.ts'
import { POOL_KEY } from '../../model/pool.ts'
import type { SecretStore } from '../../model/stores.ts'
import { ensurePoolKey } from '../../provision/pool-key.ts'
import { parsePrivateKey, type SshKey } from '../../transports/ssh/ssh-key.ts'

/** The pool's SSH key as it is: none is made, nothing is written. Rejects with a DiagnosedError when there is none. */
export async function readPoolKey(store: SecretStore, signal: AbortSignal): Promise<SshKey> {
  const only: SecretStore = {
    read: (uuid, inTime) => store.read(uuid, inTime),
    // Whether the public half is there is not asked here, so it must not be mended either.
    poolConfig: async (inTime) => ({ [POOL_KEY.publicKey]: '', ...(await store.poolConfig(inTime)) }),
    create: refuse,
    destroy: refuse,
    claim: refuse,
    assign: refuse,
  }
  const tools = { generate: refuse, publicLineOf: refuse as () => never }
  return parsePrivateKey(await ensurePoolKey(only, tools, signal))
}

function refuse(): Promise<never> {
  return Promise.reject(
    new RefusedError({
      kind: 'no-pool-key',
      cause: 'This pool has no SSH key yet',
      cure: 'Start xscontainer-monitor on a host of the pool (systemctl start xscontainer-monitor): it makes one',
    }),
  )
}

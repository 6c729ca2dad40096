import type { SecretStore } from '../model/stores.ts'
import { ensurePoolKey } from '../provision/pool-key.ts'
import { generatePoolKey } from '../provision/ssh-key.ts'
import { parsePrivateKey, type SshKey } from '../transports/ssh/ssh-key.ts'

/** The pool's key, read (or made) once and kept parsed until told that it may have changed. */
export class PoolSshKey {
  readonly #store: SecretStore
  readonly #signal: AbortSignal
  #key: Promise<SshKey> | undefined

  constructor(store: SecretStore, signal: AbortSignal) {
    this.#store = store
    this.#signal = signal
  }

  get(): Promise<SshKey> {
    if (this.#key === undefined) {
      const key = this.#read()
      this.#key = key
      key.catch(() => this.forget())
    }
    return this.#key
  }

  /** The next `get` reads it from XAPI again: somebody may have changed it. */
  forget(): void {
    this.#key = undefined
  }

  async #read(): Promise<SshKey> {
    const tools = { generate: generatePoolKey, publicLineOf: (pem: string) => parsePrivateKey(pem).publicLine }
    return parsePrivateKey(await ensurePoolKey(this.#store, tools, this.#signal))
  }
}

import type { Clock } from '../base/clock.ts'
import { DiagnosedError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Transport } from '../model/guest.ts'
import type { SecretStore } from '../model/stores.ts'
import { ensurePoolKey } from '../provision/pool-key.ts'
import { generatePoolKey } from '../provision/ssh-key.ts'
import { parsePrivateKey, type SshKey } from '../transports/ssh/ssh-key.ts'
import { SshTransport } from '../transports/ssh/ssh-transport.ts'
import type { Config } from './config.ts'

/** The pool's key, read (or made) once and kept parsed until told that it may have changed. */
export class PoolSshKey {
  readonly #store: SecretStore
  readonly #signal: AbortSignal
  #key: Promise<SshKey> | undefined
  #making: ReturnType<typeof generatePoolKey> | undefined

  readonly #generate: typeof generatePoolKey

  constructor(store: SecretStore, signal: AbortSignal, generate = generatePoolKey) {
    this.#store = store
    this.#signal = signal
    this.#generate = generate
  }

  get(): Promise<SshKey> {
    if (this.#key === undefined) {
      const key = this.#read()
      this.#key = key
      key.catch(() => {
        if (this.#key === key) this.forget()
      })
    }
    return this.#key
  }

  /** The next `get` reads it from XAPI again: somebody may have changed it. */
  forget(): void {
    this.#key = undefined
  }

  /** Seconds of CPU: whoever asks anew meanwhile, because the pool object changed, shares it. */
  #make(): ReturnType<typeof generatePoolKey> {
    this.#making ??= this.#generate().finally(() => (this.#making = undefined))
    return this.#making
  }

  async #read(): Promise<SshKey> {
    const tools = { generate: () => this.#make(), publicLineOf: (pem: string) => parsePrivateKey(pem).publicLine }
    return parsePrivateKey(await ensurePoolKey(this.#store, tools, this.#signal))
  }
}

/** Reaches guests with the pool's key, and reads that key anew after a guest has refused it. */
export function sshWithPoolKey(key: PoolSshKey, deps: { clock: Clock; log: Log }, guest: Config['guest']): Transport {
  const ssh = new SshTransport(
    { ...deps, key: () => key.get() },
    { port: guest.ssh_port, connectTimeoutMs: guest.connect_timeout_s * 1000, keepaliveMs: guest.keepalive_s * 1000 },
  )
  return {
    name: ssh.name,
    async connect(target, signal) {
      try {
        return await ssh.connect(target, signal)
      } catch (error) {
        // Somebody may have put another key into the pool's secret: XAPI tells nobody about that.
        if (error instanceof DiagnosedError && error.diagnosis.kind === 'auth-refused') key.forget()
        throw error
      }
    },
  }
}

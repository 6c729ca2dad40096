import { systemClock, type Clock } from '../base/clock.ts'
import { DiagnosedError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Transport } from '../model/guest.ts'
import type { KeyStore } from '../model/stores.ts'
import { orphanLabel } from '../provision/orphans.ts'
import { ensurePoolKey } from '../provision/pool-key.ts'
import { readPoolKeys } from '../provision/rotation.ts'
import { generatePoolKey, type PoolKeyPair } from '../provision/ssh-key.ts'
import { parsePrivateKey, type SshKey } from '../transports/ssh/ssh-key.ts'
import { SshTransport } from '../transports/ssh/ssh-transport.ts'
import type { Config } from './config.ts'
import { SOCKET_KINDS } from './doctor/vm-steps.ts'

/** The pool's key, read (or made) once and kept parsed until told that it may have changed. */
export class PoolSshKey {
  readonly #store: KeyStore
  readonly #signal: AbortSignal
  #key: Promise<SshKey> | undefined
  #previous: Promise<SshKey | undefined> | undefined
  #making: Promise<PoolKeyPair> | undefined

  readonly #generate: () => Promise<PoolKeyPair>
  readonly #clock: Pick<Clock, 'now'>

  constructor(
    store: KeyStore,
    signal: AbortSignal,
    generate = generatePoolKey,
    clock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.#store = store
    this.#signal = signal
    this.#generate = generate
    this.#clock = clock
  }

  /** Makes a key if the pool has none; settles when it has one. That is not read: guests are what it takes memory for. */
  async prepare(): Promise<void> {
    await this.#ensure()
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

  /** The key before this one, for as long as guests may still have that one; undefined: there is none. */
  previous(): Promise<SshKey | undefined> {
    if (this.#previous === undefined) {
      const key = this.#readPrevious()
      this.#previous = key
      key.catch(() => {
        if (this.#previous === key) this.#previous = undefined
      })
    }
    return this.#previous
  }

  /** The next `get` reads it from XAPI again: somebody may have changed it. */
  forget(): void {
    this.#key = undefined
    this.#previous = undefined
  }

  /** Seconds of CPU: whoever asks anew meanwhile, because the pool object changed, shares it. */
  #make(): Promise<PoolKeyPair> {
    this.#making ??= this.#generate().finally(() => (this.#making = undefined))
    return this.#making
  }

  async #read(): Promise<SshKey> {
    return parsePrivateKey(await this.#ensure())
  }

  #ensure(): Promise<string> {
    const tools = {
      generate: () => this.#make(),
      publicLineOf: (pem: string) => parsePrivateKey(pem).publicLine,
      label: () => orphanLabel(this.#clock.now()),
    }
    return ensurePoolKey(this.#store, tools, this.#signal)
  }

  async #readPrevious(): Promise<SshKey | undefined> {
    const pem = (await readPoolKeys(this.#store, this.#signal))?.previous
    return pem === undefined ? undefined : parsePrivateKey(pem)
  }
}

/** What is to be known about the pool's key while it changes. */
export interface KeyRenewal {
  /** Whether some guests may have the previous key only. */
  underWay(): boolean
  /** A guest has let us in, maybe with the previous key. */
  connected(vmUuid: string): void
}

/** Reaches guests with the pool's key, and reads that key anew after a guest has refused it. */
export function sshWithPoolKey(
  key: PoolSshKey,
  deps: { clock: Clock; log: Log },
  guest: Config['guest'],
  renewal?: KeyRenewal,
): Transport {
  const previousKey = async () => (renewal?.underWay() === true ? key.previous() : undefined)
  const ssh = new SshTransport(
    { ...deps, key: () => key.get(), previousKey },
    { port: guest.ssh_port, connectTimeoutMs: guest.connect_timeout_s * 1000, keepaliveMs: guest.keepalive_s * 1000 },
  )
  return {
    name: ssh.name,
    async connect(target, signal, entered) {
      try {
        const link = await ssh.connect(target, signal, entered)
        if (renewal?.underWay() === true) renewal.connected(target.vmUuid)
        return link
      } catch (error) {
        const kind = error instanceof DiagnosedError ? error.diagnosis.kind : ''
        // Somebody may have put another key into the pool's secret: XAPI tells nobody about that.
        if (kind === 'auth-refused') key.forget()
        // The login worked, and that is all that is needed.
        if (SOCKET_KINDS.has(kind) && renewal?.underWay() === true) renewal.connected(target.vmUuid)
        throw error
      }
    },
  }
}

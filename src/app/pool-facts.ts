import { asError } from '../base/errors.ts'
import { retrying, type RetryDeps } from '../base/retrying.ts'
import type { PoolNetwork } from '../model/pool.ts'

const FRESH_MS = 60_000

export interface PoolFactsDeps extends RetryDeps {
  readonly read: (signal: AbortSignal) => Promise<PoolNetwork>
  /** Called when the facts are there for the first time, and when they have changed. */
  readonly changed: () => void
}

/** What is known of the pool's network. No guest is dialled before it is known which addresses are hosts'. */
export class PoolFacts {
  readonly #deps: PoolFactsDeps
  #network: PoolNetwork | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #reading = false

  constructor(deps: PoolFactsDeps) {
    this.#deps = deps
  }

  get network(): PoolNetwork | undefined {
    return this.#network
  }

  /** Reads again in the background, unless that was done within the last minute. */
  refresh(signal: AbortSignal, force = false): void {
    if (this.#reading || (!force && this.#deps.clock.monotonic() - this.#readAt < FRESH_MS)) return
    this.#reading = true
    this.#read(signal)
      .catch((error: unknown) => this.#deps.log.debug({ err: asError(error) }, 'stopped reading the pool network'))
      .finally(() => (this.#reading = false))
  }

  async #read(signal: AbortSignal): Promise<void> {
    const what = 'cannot read hosts and networks of the pool'
    const network = await retrying(this.#deps, what, signal, () => this.#deps.read(signal))
    const before = this.#network
    this.#network = network
    this.#readAt = this.#deps.clock.monotonic()
    if (before === undefined || fingerprint(before) !== fingerprint(network)) this.#deps.changed()
  }
}

function fingerprint({ hostAddresses, hostInternalDevices }: PoolNetwork): string {
  const devices = [...hostInternalDevices].map(([vm, numbers]) => `${vm} ${[...numbers].sort().join()}`)
  return [...hostAddresses].sort().join() + '|' + devices.sort().join()
}

import type { SimPool } from './sim-pool.ts'

export interface ArrivalsInfo {
  readonly waiting: number
  /** Milliseconds since the epoch, in the order of arrival. */
  readonly at: readonly number[]
}

/** Waits for values that callers write into VM.other_config. */
export class Arrivals {
  readonly #pool: Pick<SimPool, 'onWrite'>
  #waiting = new Set<string>()
  #at: number[] = []
  #end: () => void = () => undefined

  constructor(pool: Pick<SimPool, 'onWrite'>) {
    this.#pool = pool
  }

  /** Ends the wait before it. */
  start(vms: readonly string[], key: string, pattern: string): void {
    this.#end()
    this.#waiting = new Set(vms)
    this.#at = []
    const wanted = new RegExp(pattern)
    this.#end = this.#pool.onWrite((write) => {
      if (write.key !== key || write.value === '' || !this.#waiting.has(write.ref) || !wanted.test(write.value)) return
      this.#waiting.delete(write.ref)
      this.#at.push(write.time)
    })
  }

  info(): ArrivalsInfo {
    return { waiting: this.#waiting.size, at: this.#at }
  }
}

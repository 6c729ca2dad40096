import type { Clock } from './clock.ts'

/** Lets `perSecond` units through per second on average, `burst` at once after a quiet time, first come first served. */
export class TokenBucket {
  readonly #clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly #perSecond: number
  readonly #burst: number
  #level: number
  #filledAt: number
  #queue: Promise<unknown> = Promise.resolve()

  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = burst
    this.#level = burst
    this.#filledAt = clock.monotonic()
  }

  /**
   * Waits for one's turn and until the level is positive again, then takes `units`, before the next in line looks at
   * the level. What the turn costs besides is said with `spend`.
   */
  turn(signal: AbortSignal, units = 0): Promise<void> {
    const mine = this.#queue.then(async () => {
      await this.#untilPositive(signal)
      this.spend(units)
    })
    this.#queue = mine.catch(() => undefined)
    return mine
  }

  /** Takes `units` if it is somebody's turn at once; for callers that see to it that nobody waits for one. */
  take(units: number): boolean {
    this.#fill()
    if (this.#level <= 0) return false
    this.spend(units)
    return true
  }

  /** Takes units, or gives back what is negative; the level may go below zero, and later turns wait for that. */
  spend(units: number): void {
    this.#fill()
    this.#level -= units
  }

  /** How many units below zero the level is; 0 when it is not. */
  get debt(): number {
    this.#fill()
    return Math.max(0, -this.#level)
  }

  async #untilPositive(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    for (;;) {
      this.#fill()
      if (this.#level > 0) return
      await this.#clock.sleep(Math.ceil((-this.#level / this.#perSecond) * 1000) + 1, signal)
    }
  }

  #fill(): void {
    const now = this.#clock.monotonic()
    this.#level = Math.min(this.#burst, this.#level + ((now - this.#filledAt) / 1000) * this.#perSecond)
    this.#filledAt = now
  }
}

import type { Clock } from '../base/clock.ts'
import { TokenBucket } from '../base/token-bucket.ts'

/** A guest that can be sampled. */
export interface Sampler {
  /** Sample now, or as soon as there is nothing more important to do. */
  sample(): void
  /** How many requests that will take: one per running container. */
  cost(): number
}

/** No sample asks for more containers than that, however many a guest says are running. */
const MOST_ASKED = 200

/**
 * Lets the guests sample one after the other, so that all of them together do not ask more than the budget allows: with
 * many containers the samples get rarer than the schedule says.
 */
export class SamplingTurns {
  readonly #budget: TokenBucket
  readonly #samplers = new Set<Sampler>()
  readonly #waiting = new Set<Sampler>()
  #going = false

  /** `perSecond` requests on average, `burst` at once after a quiet time. */
  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>, perSecond: number, burst: number) {
    this.#budget = new TokenBucket(clock, perSecond, burst)
  }

  /** How many guests there are to sample. */
  get size(): number {
    return this.#samplers.size
  }

  add(sampler: Sampler, signal: AbortSignal): void {
    this.#samplers.add(sampler)
    const remove = () => {
      this.#samplers.delete(sampler)
      this.#waiting.delete(sampler)
    }
    signal.addEventListener('abort', remove, { once: true })
  }

  /** The schedule ticked: everybody gets a turn, unless one is still due from before. */
  tick(signal: AbortSignal): void {
    for (const sampler of this.#samplers) this.#waiting.add(sampler)
    if (this.#going) return
    this.#going = true
    // Rejects when `signal` aborts: nobody samples any more then.
    this.#go(signal).catch(() => undefined)
  }

  async #go(signal: AbortSignal): Promise<void> {
    for (const sampler of this.#waiting) {
      const cost = Math.min(sampler.cost(), MOST_ASKED)
      if (cost > 0) await this.#budget.turn(signal)
      if (!this.#waiting.delete(sampler)) continue
      this.#budget.spend(cost)
      sampler.sample()
    }
    this.#going = false
  }
}

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
 * many containers the samples get rarer than the schedule says. A guest that has just been connected is sampled at once
 * while the budget of the first samples lasts, and waits for its turn like all others when it is used up: a thousand of
 * them are no reason to start a process for each of their containers.
 */
export class SamplingTurns {
  readonly #budget: TokenBucket
  readonly #first: TokenBucket
  readonly #samplers = new Map<Sampler, AbortSignal>()
  readonly #waiting = new Set<Sampler>()
  #going = false

  /** `perSecond` requests on average, `burst` at once after a quiet time, `firstBurst` of guests just connected. */
  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>, perSecond: number, burst: number, firstBurst: number) {
    this.#budget = new TokenBucket(clock, perSecond, burst)
    this.#first = new TokenBucket(clock, perSecond, firstBurst)
  }

  /** How many guests there are to sample. */
  get size(): number {
    return this.#samplers.size
  }

  /** Takes a guest until `signal` aborts; its first turn is now if the budget allows, after those who wait otherwise. */
  add(sampler: Sampler, signal: AbortSignal): void {
    this.#samplers.set(sampler, signal)
    const remove = () => {
      this.#samplers.delete(sampler)
      this.#waiting.delete(sampler)
    }
    signal.addEventListener('abort', remove, { once: true })
    const cost = costOf(sampler)
    if (cost === 0 || this.#first.take(cost)) return sampler.sample()
    this.#waiting.add(sampler)
    this.#start()
  }

  /** The schedule ticked: everybody gets a turn, unless one is still due from before. */
  tick(): void {
    for (const sampler of this.#samplers.keys()) this.#waiting.add(sampler)
    this.#start()
  }

  #start(): void {
    if (this.#going) return
    this.#going = true
    void this.#go().finally(() => (this.#going = false))
  }

  async #go(): Promise<void> {
    for (const sampler of this.#waiting) {
      const signal = this.#samplers.get(sampler)
      // Rejects when the guest is gone: it is not in line any more then.
      if (signal !== undefined && costOf(sampler) > 0) await this.#budget.turn(signal).catch(() => undefined)
      if (!this.#waiting.delete(sampler)) continue
      this.#budget.spend(costOf(sampler))
      sampler.sample()
    }
  }
}

function costOf(sampler: Sampler): number {
  return Math.min(sampler.cost(), MOST_ASKED)
}

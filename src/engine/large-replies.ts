import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { TokenBucket } from '../base/token-bucket.ts'

/** A list of some 80 containers; nearly all replies are shorter, and cost next to nothing. */
const SMALL_BYTES = 64 * 1024
/** What all longer replies that are under way may take together: some guests' longest ones, or many long ones. */
const ROOM_BYTES = 64 * 1024 * 1024
/** Milliseconds in which long replies are parsed: a fifth of one core. An honest one of 1 MB takes some 7 ms. */
const PARSING = { perSecond: 200, burst: 400 }

/** What one reply has of the room for long ones. */
export interface Held {
  /** Takes room for a reply of so many bytes in place of what it had; false: there is none. */
  upTo(bytes: number): boolean
  release(): void
}

/** Bounds what the long replies of all engines together take: memory while they come, and time to parse them. */
export class LargeReplies {
  readonly #clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly #parsing: TokenBucket
  #left = ROOM_BYTES

  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>) {
    this.#clock = clock
    this.#parsing = new TokenBucket(clock, PARSING.perSecond, PARSING.burst)
  }

  hold(): Held {
    let held = 0
    return {
      upTo: (bytes) => {
        const more = Math.max(0, bytes - SMALL_BYTES) - held
        if (more > this.#left) return false
        this.#left -= more
        held += more
        return true
      },
      release: () => {
        this.#left += held
        held = 0
      },
    }
  }

  /**
   * What these steps make of a reply of so many bytes: of a long one each step is made as soon as long ones have not
   * taken too much time of late, and others have their turn in between.
   */
  async parse<T>(bytes: number, signal: AbortSignal, steps: Generator<void, T>): Promise<T> {
    for (;;) {
      if (bytes > SMALL_BYTES) await this.#parsing.turn(signal)
      const startedAt = this.#clock.monotonic()
      try {
        const step = steps.next()
        if (step.done === true) return step.value
      } finally {
        if (bytes > SMALL_BYTES) this.#parsing.spend(this.#clock.monotonic() - startedAt)
      }
      await setImmediate()
    }
  }
}

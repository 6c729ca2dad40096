import type { Clock } from '../base/clock.ts'

const SLOT_MS = 60_000
const SLOTS = 60

/** What was written into XAPI in some time. */
export interface Spent {
  /** XAPI calls that changed a field. */
  readonly calls: number
  /** Bytes of the values in them. */
  readonly bytes: number
  /** The longest time that a VM's changes waited for the budget, milliseconds. */
  readonly longestWaitMs: number
}

interface Slot {
  readonly minute: number
  calls: number
  bytes: number
  longestWaitMs: number
}

/** Counts what the monitor costs XAPI, minute by minute for an hour. */
export class Spend {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #slots: Slot[] = []

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  wrote(calls: number, bytes: number): void {
    const slot = this.#now()
    slot.calls += calls
    slot.bytes += bytes
  }

  waited(ms: number): void {
    const slot = this.#now()
    slot.longestWaitMs = Math.max(slot.longestWaitMs, ms)
  }

  /** In this minute and so many before it, 1 to 60 in all. */
  last(minutes: number): Spent {
    const since = this.#minute() - minutes
    return this.#slots
      .filter(({ minute }) => minute > since)
      .reduce<Spent>(
        (sum, slot) => ({
          calls: sum.calls + slot.calls,
          bytes: sum.bytes + slot.bytes,
          longestWaitMs: Math.max(sum.longestWaitMs, slot.longestWaitMs),
        }),
        { calls: 0, bytes: 0, longestWaitMs: 0 },
      )
  }

  #minute(): number {
    return Math.floor(this.#clock.monotonic() / SLOT_MS)
  }

  #now(): Slot {
    const minute = this.#minute()
    const newest = this.#slots.at(-1)
    if (newest?.minute === minute) return newest
    const slot = { minute, calls: 0, bytes: 0, longestWaitMs: 0 }
    this.#slots.push(slot)
    if (this.#slots.length > SLOTS) this.#slots.shift()
    return slot
  }
}

import { sleepOn, type Clock } from '../../src/base/clock.ts'

/** Time that moves only when the test says so. */
export class FakeClock implements Clock {
  #now: number
  #timers: { at: number; callback: () => void }[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  /** Timers that have not fired and were not taken back. */
  get pending(): number {
    return this.#timers.length
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Moves time on as work does that holds up all else: what falls due fires later. */
  pass(ms: number): void {
    this.#now += ms
  }

  /** Moves time on by `ms`, fires what falls due in its order, and lets everything that follows from each run. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
      await settle()
    }
    this.#now = end
  }
}

/** Lets pending promises and in-memory streams run until they have nothing to do. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

import type { Clock } from '../base/clock.ts'
import { Gate } from '../base/gate.ts'

/** An engine that has not answered after this long keeps nobody else waiting. */
const PATIENCE_MS = 1000

/**
 * How many engines are asked at the same time. When a thousand guests have an event at once their answers would all
 * come at once, too: each would wait for all others, and the last ones for longer than an engine may take.
 */
export class LookTurns {
  readonly #clock: Pick<Clock, 'after'>
  readonly #gate: Gate

  constructor(clock: Pick<Clock, 'after'>, atOnce: number) {
    this.#clock = clock
    this.#gate = new Gate(atOnce)
  }

  /** Does `look` when there is room. An abort while waiting in line rejects without doing it. */
  async pass<T>(signal: AbortSignal, look: () => Promise<T>): Promise<T> {
    let looking: Promise<T> | undefined
    await this.#gate.pass(signal, () => {
      looking = look()
      return this.#untilDoneOrSlow(looking)
    })
    return looking!
  }

  #untilDoneOrSlow(work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(PATIENCE_MS, resolve)
      const done = () => {
        cancel()
        resolve()
      }
      work.then(done, done)
    })
  }
}

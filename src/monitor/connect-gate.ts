import type { Clock } from '../base/clock.ts'
import { Gate } from '../base/gate.ts'

/** A dial that has come to nothing after this long is waiting, not working: it goes on, but gives up its place. */
const PATIENCE_MS = 3000

/**
 * How many guests are being dialled at once. Guests that failed before share half of the places, so that any number
 * of dead ones cannot keep a live one waiting.
 */
export class ConnectGate {
  readonly #clock: Clock
  readonly #all: Gate
  readonly #suspects: Gate

  constructor(clock: Clock, handshakes: number) {
    this.#clock = clock
    this.#all = new Gate(handshakes)
    this.#suspects = new Gate(Math.max(1, Math.floor(handshakes / 2)))
  }

  async pass<T>(suspect: boolean, signal: AbortSignal, dial: () => Promise<T>): Promise<T> {
    let dialling: Promise<T> | undefined
    const start = () => (dialling = dial())
    const inAll = () => this.#all.pass(signal, () => this.#untilDoneOrSlow(start()))
    await (suspect ? this.#suspects.pass(signal, inAll) : inAll())
    return dialling!
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

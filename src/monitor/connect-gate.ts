import type { Clock } from '../base/clock.ts'
import { Gate } from '../base/gate.ts'
import type { ConnectStage } from '../model/guest.ts'

/** A dial that no machine has answered after this long is waiting, not working: it goes on, but gives up its place. */
const PATIENCE_MS = 3000

/** A dial; it tells how far it has come. */
export type Dial<T> = (entered: (stage: ConnectStage) => void) => Promise<T>

/**
 * How many guests are being dialled at once. A handshake keeps its place however long it takes: where it takes long, the
 * machine has too much to do, and more of them at once would only make all of them fail. Guests that failed before
 * share half of the places, so that any number of dead ones cannot keep a live one waiting.
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

  async pass<T>(suspect: boolean, signal: AbortSignal, dial: Dial<T>): Promise<T> {
    let dialling: Promise<T> | undefined
    const remember = (started: Promise<T>) => {
      dialling = started
    }
    const inAll = () => this.#all.pass(signal, () => this.#occupying(dial, remember))
    await (suspect ? this.#suspects.pass(signal, inAll) : inAll())
    return dialling!
  }

  /** Until the dial is done; after the patience, until it is not in a handshake. */
  #occupying<T>(dial: Dial<T>, started: (dialling: Promise<T>) => void): Promise<void> {
    return new Promise((resolve) => {
      let [inHandshake, patient] = [false, true]
      const leave = () => {
        if (!patient && !inHandshake) resolve()
      }
      const cancel = this.#clock.after(PATIENCE_MS, () => {
        patient = false
        leave()
      })
      const dialling = dial((stage) => {
        inHandshake = stage === 'handshake'
        leave()
      })
      started(dialling)
      const done = () => {
        cancel()
        resolve()
      }
      dialling.then(done, done)
    })
  }
}

import { setMaxListeners } from 'node:events'
import { abortReason } from '../base/clock.ts'
import { StoppedError } from '../base/errors.ts'

/** How long a conversation lasts: until it is ended from this side, or the signal that it began under aborts. */
export class Lifetime {
  readonly #own = new AbortController()
  readonly #parent: AbortSignal
  readonly #onParent: () => void
  #ended = false

  constructor(parent: AbortSignal) {
    this.#parent = parent
    this.#onParent = () => this.#own.abort(abortReason(parent))
    setMaxListeners(0, parent)
    if (parent.aborted) this.#onParent()
    else parent.addEventListener('abort', this.#onParent, { once: true })
  }

  get signal(): AbortSignal {
    return this.#own.signal
  }

  /** Whether it was ended from this side. */
  get ended(): boolean {
    return this.#ended
  }

  /** Ends it and lets go of the parent's signal. */
  end(): void {
    if (this.#own.signal.aborted) return
    this.#ended = true
    this.#parent.removeEventListener('abort', this.#onParent)
    this.#own.abort(new StoppedError())
  }
}

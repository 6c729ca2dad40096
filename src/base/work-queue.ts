import { asError } from './errors.ts'

/**
 * Keys waiting for work, each at most once: repeats while a key waits are merged, repeats while it is being worked on
 * bring it back afterwards. One key is never worked on twice at the same time.
 */
export class WorkQueue<K> {
  readonly #work: (key: K) => Promise<void>
  readonly #onDefect: (key: K, error: Error) => void
  readonly #waiting = new Set<K>()
  readonly #active = new Map<K, Promise<void>>()

  constructor(work: (key: K) => Promise<void>, onDefect: (key: K, error: Error) => void) {
    this.#work = work
    this.#onDefect = onDefect
  }

  add(key: K): void {
    if (this.#active.has(key)) this.#waiting.add(key)
    else this.#start(key)
  }

  /** Settles when nothing is waiting or being worked on. */
  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.all(this.#active.values())
  }

  #start(key: K): void {
    const run = this.#work(key)
      .catch((error: unknown) => this.#onDefect(key, asError(error)))
      .then(() => {
        this.#active.delete(key)
        if (this.#waiting.delete(key)) this.#start(key)
      })
    this.#active.set(key, run)
  }
}

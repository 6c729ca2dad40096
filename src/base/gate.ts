import { setMaxListeners } from 'node:events'
import { abortReason } from './clock.ts'

/** At most `limit` pieces of work at once; the others wait in line. */
export class Gate {
  readonly #limit: number
  #inside = 0
  readonly #line: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs `work` when there is room. An abort while waiting in line rejects without running it. */
  async pass<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#inside--
      this.#line.shift()?.()
    }
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(abortReason(signal))
    if (this.#inside < this.#limit) {
      this.#inside++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener('abort', onAbort)
        this.#inside++
        resolve()
      }
      const onAbort = () => {
        this.#line.splice(this.#line.indexOf(admit), 1)
        reject(abortReason(signal))
      }
      this.#line.push(admit)
      setMaxListeners(0, signal)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

import { abortReason, type Clock } from '../base/clock.ts'

/** A sleep that can be cut short. */
export class Waker {
  readonly #clock: Pick<Clock, 'after'>
  #wake: (() => void) | undefined

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  /** Ends the present sleep, if any. */
  wake(): void {
    this.#wake?.()
  }

  /** Resolves after `ms` or when woken; rejects with the signal's reason. One at a time. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      const end = (settle: () => void) => {
        cancel()
        signal.removeEventListener('abort', onAbort)
        this.#wake = undefined
        settle()
      }
      const onAbort = () => end(() => reject(abortReason(signal)))
      const cancel = this.#clock.after(ms, () => end(resolve))
      this.#wake = () => end(resolve)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

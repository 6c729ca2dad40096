/** What somebody did and waits for may not be in the engine's list yet: it is looked at again this soon, for so long. */
const RELOOK_MS = 10
const RELOOK_FOR_MS = 300

interface Refresher {
  readonly sinceMs: number
  seen: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Those who wait for a list that is newer than their question, and published. All times never jump, milliseconds. */
export class Refreshers {
  readonly #waiting = new Set<Refresher>()
  #due = Infinity
  #over: Error | undefined

  /** When the list has to be looked at for them; Infinity when nobody waits. */
  get dueAt(): number {
    return this.#due
  }

  add(now: number): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    this.#due = Math.min(this.#due, now)
    return new Promise((resolve, reject) => this.#waiting.add({ sinceMs: now, seen: false, resolve, reject }))
  }

  /** The list is being looked at. */
  looking(): void {
    this.#due = Infinity
  }

  /** It has been: who asked before `startedAt` has it, unless the engine told of what it does not show yet (`unseen`). */
  looked(startedAt: number, now: number, unseen: boolean): void {
    for (const refresher of this.#waiting) {
      const again = unseen && now - refresher.sinceMs < RELOOK_FOR_MS
      if (refresher.sinceMs <= startedAt && !again) refresher.seen = true
      else this.#due = Math.min(this.#due, again ? now + RELOOK_MS : now)
    }
  }

  /** What was looked at has been handed on. */
  published(): void {
    for (const refresher of this.#waiting) {
      if (!refresher.seen) continue
      this.#waiting.delete(refresher)
      refresher.resolve()
    }
  }

  /** Nobody looks any more. */
  end(why: Error): void {
    this.#over = why
    for (const { reject } of this.#waiting) reject(why)
    this.#waiting.clear()
  }
}

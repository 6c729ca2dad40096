/** Docker sends pause, unpause and die before its own list shows them: 13 ms before, mostly. A look at once is wasted. */
const FIRST_MS = 20
/** Up to 106 ms were measured, so look once more after them. */
const SETTLE_MS = 150
/** It writes the container to its disk in between: where that is slow (seen under load), only a later look is right. */
const CONFIRM_MS = 3000
/** What it should show by then is looked at 6, 12, 24 and 48 s after the event: seen after twice its lateness at most. */
const LAST_CONFIRM_MS = 24_000
/** Looks follow events closely at first; when more of them have come than this, and while they keep coming, rarely. */
const CLOSE_EVENTS = 10
const CLOSE_EVENTS_PER_S = 2
const CLOSE_GAP_MS = 100
const STORM_GAP_MS = 1000
/** Between two looks there is at least so many times what the last one took: a slow guest is asked rarely. */
const REST = 2
/** Samples are for people who watch: they take no more than a tenth of a guest's time. */
const SAMPLE_REST = 9
/** What is not urgent is looked at when the engine has settled, and when all guests' lists have been looked at. */
const ASIDE_MS = 1000

/** When to look at one thing next. All times are milliseconds on a clock that never jumps. */
export class LookPlan {
  readonly #minGapMs: number
  readonly #urgent: boolean
  readonly #rest: number
  #due = Infinity
  /** The look that follows events at once. */
  #first = Infinity
  #settle = Infinity
  #confirm = Infinity
  #confirmMs = CONFIRM_MS
  #startedAt = -Infinity
  #endedAt = -Infinity
  #gap = CLOSE_GAP_MS
  #cost = 0
  /** How many events may still be followed closely. */
  #close = CLOSE_EVENTS
  #hintedAt = -Infinity

  constructor(minGapMs: number, urgent: boolean, sampled = false) {
    this.#minGapMs = minGapMs
    this.#urgent = urgent
    this.#rest = sampled ? SAMPLE_REST : REST
  }

  /** Infinity when nothing is due. */
  get dueAt(): number {
    return Math.min(this.#first, this.#settle, this.#wholeAt)
  }

  /** Whether nothing is due but the first looks after events, which have told what to look at. */
  isForEventsOnly(now: number): boolean {
    return Math.min(this.#first, this.#settle) <= now && now < this.#wholeAt
  }

  /**
   * An event may have changed it: what is urgent is looked at soon if it was quiet, after a gap otherwise, and twice
   * again when all has settled.
   */
  hint(now: number): void {
    if (!this.#urgent) return this.dueBy(Math.max(now + ASIDE_MS, this.#earliest()))
    const back = ((now - Math.max(this.#hintedAt, now - 60_000)) / 1000) * CLOSE_EVENTS_PER_S
    this.#close = Math.max(0, Math.min(CLOSE_EVENTS, this.#close + back) - 1)
    this.#hintedAt = now
    this.#first = Math.min(this.#first, Math.max(now + FIRST_MS, this.#earliest()))
    this.#settle = Math.max(now + SETTLE_MS, this.#earliest())
    this.#confirmMs = CONFIRM_MS
    this.#confirm = Math.max(now + CONFIRM_MS, this.#earliest())
  }

  /** Whether it will be looked at again because what events told of may not be seen yet. */
  get unsettled(): boolean {
    return this.#settle < Infinity || this.#confirm < Infinity
  }

  /** The looks for what events told of are over, and it is not shown: there will be another one. False: that was enough. */
  again(now: number): boolean {
    if (this.#confirmMs > LAST_CONFIRM_MS) return false
    this.#confirm = now + this.#confirmMs
    this.#confirmMs *= 2
    return true
  }

  /** The last look has shown all that events told of: no need to look again for them. */
  settled(): void {
    this.#settle = Infinity
    this.#confirm = Infinity
  }

  /** Whether the last look took so long that it is too early for another one. */
  rests(now: number): boolean {
    return now < this.#endedAt + this.#cost
  }

  /** Look at this time at the latest. */
  dueBy(at: number): void {
    this.#due = Math.min(this.#due, at)
  }

  /** `whole`: everything is looked at, so that nothing else is due; else what is due for all of it still is. */
  started(now: number, whole = true): void {
    this.#gap = this.#close >= 1 ? CLOSE_GAP_MS : Math.min(STORM_GAP_MS, this.#gap * 2)
    if (this.#settle <= now) this.#settle = Infinity
    if (this.#confirm <= now) this.#confirm = Infinity
    if (whole) this.#due = Infinity
    this.#first = Infinity
    this.#startedAt = now
  }

  /** A slow answer makes the next question later: a loaded guest is not asked all the time. */
  ended(now: number): void {
    this.#endedAt = now
    this.#cost = this.#rest * (now - this.#startedAt)
    // Hints that came during the look did not know yet how long it would take.
    this.#due = Math.max(this.#due, this.#earliest())
    this.#first = Math.max(this.#first, this.#earliest())
    this.#settle = Math.max(this.#settle, this.#earliest())
    this.#confirm = Math.max(this.#confirm, this.#earliest())
  }

  get #wholeAt(): number {
    return Math.min(this.#due, this.#confirm)
  }

  #earliest(): number {
    return this.#endedAt + Math.max(this.#minGapMs, this.#gap, this.#cost)
  }
}

import type { ClassDef } from './data-model.ts'
import type { Database } from './database.ts'
import { batchReply } from './event-batch.ts'
import { collect, isEmpty, type Token } from './event-collect.ts'
import type { Messages } from './messages.ts'
import type { Reply } from './reply.ts'
import type { Subscription } from './subscription.ts'
import { sessionInvalid, type HttpFault } from './xapi-error.ts'

/** XAPI's own delays, in milliseconds, as measured on the wire. */
export interface EventTiming {
  /** Before the first look at the state; none if only tasks are asked for. */
  readonly beforeMs: number
  /** From the write that wakes a blocked call to its answer. */
  readonly answerMs: number
  /** Before looking again, after wakes that brought nothing; the last one repeats. */
  readonly againMs: readonly number[]
  /**
   * From the write that wakes a blocked call to the snapshot. In XAPI the woken thread races with the next request
   * for the database; our server is faster than XAPI, so a fixed delay would hide states that real clients do see.
   */
  readonly snapshotMs: () => number
}

/** Calibrated so that clients see the gap in a remove + add of one key about as often as with XAPI itself. */
export const xapiTiming: EventTiming = {
  beforeMs: 50,
  answerMs: 3,
  againMs: [6, 12, 25, 50],
  snapshotMs: () => (Math.random() < 0.65 ? 0 : 1 + Math.random() * 2),
}

export interface EventRequest {
  readonly session: string
  readonly wanted: Subscription
  readonly since: Token
  readonly timeoutMs: number
  readonly format: 'xml' | 'json'
}

interface Waiter {
  readonly session: string
  readonly wanted: Subscription
  ended: Error | undefined
  /** Set while the call is blocked. */
  wake: (() => void) | undefined
}

const DAY_MS = 24 * 3600 * 1000

/** event.from: answers with the difference of states, at once or when there is one. */
export class Events {
  private readonly waiters = new Set<Waiter>()
  private readonly db: Database
  private readonly messages: Messages
  private readonly timing: EventTiming

  constructor(db: Database, messages: Messages, timing: EventTiming) {
    this.db = db
    this.messages = messages
    this.timing = timing
  }

  /** Calls that have not been answered yet. */
  get waiting(): number {
    return this.waiters.size
  }

  /** Those of them that a matching write would answer now. */
  get blocked(): number {
    return [...this.waiters].filter((waiter) => waiter.wake !== undefined).length
  }

  databaseChanged(cls: ClassDef, ref: string): void {
    if (cls.genEvents) this.wake((wanted) => wanted.wants(cls, ref))
  }

  messagesChanged(): void {
    this.wake((wanted) => wanted.wantsClass('message'))
  }

  /** Ends the calls of a destroyed session with SESSION_INVALID. */
  endSession(session: string): void {
    this.end((waiter) => waiter.session === session, sessionInvalid(session))
  }

  endAll(reason: HttpFault): void {
    this.end(() => true, reason)
  }

  async from(request: EventRequest): Promise<Reply> {
    const waiter: Waiter = { session: request.session, wanted: request.wanted, ended: undefined, wake: undefined }
    this.waiters.add(waiter)
    try {
      return await this.answer(waiter, request)
    } finally {
      this.waiters.delete(waiter)
    }
  }

  private async answer(waiter: Waiter, request: EventRequest): Promise<Reply> {
    const sane = request.timeoutMs >= 0 && request.timeoutMs <= DAY_MS
    const deadline = performance.now() + (sane ? request.timeoutMs : DAY_MS)
    let since = request.since
    await this.pause(waiter, request.wanted.onlyTasks ? 0 : this.timing.beforeMs)
    for (let wakes = 0; ; wakes++) {
      const wokenAt = performance.now()
      if (wakes > 0) await this.pause(waiter, wakes === 1 ? this.timing.snapshotMs() : this.againMs(wakes))
      const difference = collect(this.db, this.messages, request.wanted, since)
      since = difference.token
      if (!isEmpty(difference) || performance.now() >= deadline) {
        const reply = batchReply(this.db, difference, request.format)
        if (wakes > 0) await this.pause(waiter, this.timing.answerMs - (performance.now() - wokenAt))
        return reply
      }
      await this.block(waiter, deadline - performance.now())
    }
  }

  private againMs(wakes: number): number {
    const delays = this.timing.againMs
    return delays[Math.min(wakes - 2, delays.length - 1)] ?? 0
  }

  private async pause(waiter: Waiter, ms: number): Promise<void> {
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    if (waiter.ended !== undefined) throw waiter.ended
  }

  private async block(waiter: Waiter, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      waiter.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    waiter.wake = undefined
    if (waiter.ended !== undefined) throw waiter.ended
  }

  private wake(matches: (wanted: Subscription) => boolean): void {
    for (const waiter of this.waiters) if (waiter.wake !== undefined && matches(waiter.wanted)) waiter.wake()
  }

  private end(matches: (waiter: Waiter) => boolean, reason: Error): void {
    for (const waiter of this.waiters) {
      if (!matches(waiter)) continue
      waiter.ended = reason
      waiter.wake?.()
    }
  }
}

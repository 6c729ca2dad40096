import type { EngineEvent } from '../engine/event-stream.ts'
import type { Observation } from '../observations/observation.ts'
import { LookPlan } from './look-plan.ts'

/** Of more events at a time it is not kept what they told of: all three looks are made for them, at everything. */
const MOST_TOLD = 64

interface Told {
  readonly event: EngineEvent
  /**
   * Of the same container something else was told that is not shown yet, and what it was before looks like what it is
   * after both: nobody knows which of them the value shows.
   */
  readonly ambiguous: boolean
}

/** One observation of a guest: what it saw last, when to look next, and what events told of that no look has shown. */
export class Watched {
  readonly observation: Observation<unknown>
  readonly plan: LookPlan
  value: unknown
  /** The last event of each object, besides those of which it cannot be known whether they are shown. */
  readonly #told = new Map<string, Told>()

  constructor(observation: Observation<unknown>, urgent: boolean) {
    this.observation = observation
    this.plan = new LookPlan(observation.minGapMs, urgent, observation.cadence === 'sampling')
  }

  /** Whether events told of something that the value does not show, or may not show. */
  get unseen(): boolean {
    return this.#told.size > 0
  }

  /** All that events told of and that the value did not show; undefined where there was too much of it. */
  get told(): readonly EngineEvent[] | undefined {
    return this.#told.size < MOST_TOLD ? [...this.#told.values()].map(({ event }) => event) : undefined
  }

  /** An event came; whether it makes a look due. `looking`: one is under way, and what it brings may be older. */
  hint(event: EngineEvent, looking: boolean, now: number): boolean {
    if (!this.observation.dueAfter(event)) return false
    const shown = this.#shows({ event, ambiguous: false })
    const what = shown === undefined ? `${event.id} ${event.action}` : event.id
    const ambiguous = shown === true && this.#told.has(what)
    if (shown === true && !looking && !ambiguous) return false
    if (this.#told.size < MOST_TOLD) this.#told.set(what, { event, ambiguous })
    this.plan.hint(now)
    return true
  }

  /** The value is new. Engines send some events before their own answers show them: once these do, nobody looks again. */
  settle(now: number): void {
    const knowsAll = this.#told.size < MOST_TOLD
    for (const [what, told] of this.#told) if (this.#shows(told) === true) this.#told.delete(what)
    if (knowsAll && this.#told.size === 0) this.plan.settled()
    if (this.plan.unsettled) return
    for (const [what, told] of this.#told) if (this.#shows(told) === undefined) this.#told.delete(what)
    if (this.#told.size === 0 || !this.plan.again(now)) this.#told.clear()
  }

  #shows({ event, ambiguous }: Told): boolean | undefined {
    if (this.value === undefined) return false
    const shown = this.observation.shows?.(this.value, event)
    return shown === true && ambiguous ? undefined : shown
  }
}

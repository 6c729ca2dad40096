import type { Random } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { linked, within } from '../base/deadline.ts'
import { asError, StoppedError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineEvent } from '../engine/event-stream.ts'
import type { Observation } from '../observations/observation.ts'
import { Refreshers } from './refreshers.ts'
import type { Sampler } from './sampling-turns.ts'
import { Waker } from './waker.ts'
import { Watched } from './watched.ts'

/** The first documents are published together if they come within this, each by itself otherwise. */
const GATHER_MS = 500
/** When sampling that gave way to the list is tried again. */
const RESAMPLE_MS = 5000
/** A look that takes longer makes one doubt that the engine answers at all: then the list is asked, which decides. */
const DOUBT_MS = 10_000
/** An engine that is asked for a sign of life has this long to give it. */
const PING_MS = 10_000
/** After a look at what events told of alone, or an event that told nothing new, all is looked at: about so much later, and not by all guests at once. */
const WHOLE_MS = 10_000
/** To open a stream for the events and to send the request for them. */
const SUBSCRIBE_MS = 15_000

export interface WatchDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What to look at, the container list first. */
  readonly observations: readonly Observation<unknown>[]
  readonly publish: (fields: Readonly<Record<string, string | undefined>>) => void
  /** Takes a sampler that gets a turn now or soon, and at each sampling time until the signal aborts. */
  readonly onSampling: (sampler: Sampler, signal: AbortSignal) => void
  /** Lets the engine be asked when it is this guest's turn: not all engines are asked at the same time. */
  readonly inTurn: <T>(signal: AbortSignal, look: () => Promise<T>) => Promise<T>
  /** From one look at everything to the next when no event comes. */
  readonly resyncMs: () => number
  /** An engine from which nothing was heard for so long is asked for a sign of life. */
  readonly silenceMs: () => number
  readonly valueBudgetBytes: number
}

/** The container list as it is known. */
export interface LastList {
  readonly value: unknown
  /** When all of it was looked at last: milliseconds on a clock that never jumps. */
  readonly at: number
}

/** Looks at one engine when its events, the slow resync or the sampling schedule say so, one request at a time. */
export class GuestWatch {
  readonly #deps: WatchDeps
  readonly #engine: Engine
  readonly #watched: readonly Watched[]
  #running: ReadonlyMap<string, string> = new Map()
  #looking: Watched | undefined
  readonly #waker: Waker
  readonly #refreshers = new Refreshers()
  #giveWay: (() => void) | undefined
  #fields: Record<string, string | undefined> = {}
  #listedAt = -Infinity
  #heardAt = -Infinity

  constructor(deps: WatchDeps, engine: Engine) {
    this.#deps = deps
    this.#engine = engine
    this.#waker = new Waker(deps.clock)
    this.#watched = deps.observations.map((observation, i) => new Watched(observation, i === 0))
  }

  /** Runs until the engine's event stream or a list fails. `ready` is called once the first list is published. */
  async run(ready: () => void, signal: AbortSignal): Promise<never> {
    try {
      return await this.#run(ready, signal)
    } catch (error) {
      this.#refreshers.end(asError(error))
      throw error
    }
  }

  /** The container list that was looked at last; undefined before the first. */
  get lastList(): LastList | undefined {
    return this.#listedAt === -Infinity ? undefined : { value: this.#watched[0]?.value, at: this.#listedAt }
  }

  /** What the observation with this key saw last; undefined before. */
  valueOf(key: string): unknown {
    return this.#watched.find(({ observation }) => observation.key === key)?.value
  }

  /**
   * Looks at the container list as soon as no other look is under way; resolves when what it shows has been handed to
   * `publish`. Rejects when the watch ends before.
   */
  refresh(): Promise<void> {
    const refreshed = this.#refreshers.add(this.#deps.clock.monotonic())
    this.#giveWay?.()
    this.#waker.wake()
    return refreshed
  }

  #run(ready: () => void, signal: AbortSignal): Promise<never> {
    return linked(signal, async (mine, abort): Promise<never> => {
      // Subscribe first, then list: what happens in between is told by an event.
      await this.#subscribe(mine, abort)
      this.#deps.log.debug('following the events of the engine')
      await this.#lookAtAll(ready, mine)
      for (;;) await this.#next(mine)
    })
  }

  /** Until the request has been sent: an engine may answer it with its first event only. */
  #subscribe(signal: AbortSignal, abort: (reason: Error) => void): Promise<void> {
    const late = {
      kind: 'events-stalled',
      cause: `The container engine's events could not be asked for within ${SUBSCRIBE_MS / 1000} s`,
      cure: 'Check the load of the guest and the log of its sshd',
    }
    return within(this.#deps.clock, SUBSCRIBE_MS, signal, late, () => {
      return new Promise<void>((subscribed) => {
        this.#engine
          .events((event) => this.#onEvent(event), subscribed, signal)
          .catch((error: unknown) => abort(asError(error)))
      })
    })
  }

  #onEvent(event: EngineEvent): void {
    const now = this.#deps.clock.monotonic()
    this.#heardAt = now
    for (const watched of this.#watched) {
      const due = watched.hint(event, this.#looking === watched, now)
      if (watched !== this.#watched[0]) continue
      if (due) this.#giveWay?.()
      // An event says when to look, whatever it seems to say: what the list shows already may be half of it.
      else if (watched.observation.dueAfter(event)) this.#lookAtAllLater(now)
    }
    this.#waker.wake()
  }

  #lookAtAllLater(now: number): void {
    this.#watched[0]?.plan.dueBy(now + WHOLE_MS * (0.5 + this.#deps.random()))
  }

  #sampleSoon(): void {
    const now = this.#deps.clock.monotonic()
    for (const { plan } of this.#sampled(now)) plan.dueBy(now)
    this.#waker.wake()
  }

  #sampleCost(): number {
    return this.#sampled(this.#deps.clock.monotonic()).length * this.#running.size
  }

  /** What is sampled and may be now: an engine that took long for the last sample has a rest. */
  #sampled(now: number): readonly Watched[] {
    return this.#watched.filter(({ observation, plan }) => observation.cadence === 'sampling' && !plan.rests(now))
  }

  /** The first documents, the list before all; `ready` comes with their publication, so that both are one write. */
  async #lookAtAll(ready: () => void, signal: AbortSignal): Promise<void> {
    const [list, ...others] = this.#watched
    await this.#lookInTurn(list!, signal)
    // Now it is known what a sample would take; where it is this guest's turn at once it is due now.
    this.#deps.onSampling({ sample: () => this.#sampleSoon(), cost: () => this.#sampleCost() }, signal)
    let told = false
    const publish = () => {
      this.#flush()
      if (!told) ready()
      told = true
    }
    const cancel = this.#deps.clock.after(GATHER_MS, publish)
    try {
      for (const watched of others) {
        if (watched.observation.cadence === 'resync' || watched.plan.dueAt < Infinity)
          await this.#lookInTurn(watched, signal)
      }
    } finally {
      cancel()
      if (!signal.aborted) publish()
    }
    this.#armResync()
  }

  /** The list is looked at anew at this pace even if no event came: events are hints, the list is the truth. */
  #armResync(): void {
    const at = this.#deps.clock.monotonic() + this.#deps.resyncMs() * (0.9 + 0.1 * this.#deps.random())
    for (const { observation, plan } of this.#watched) if (observation.cadence === 'resync') plan.dueBy(at)
  }

  /** Waits for the next thing that is due and looks at it. */
  async #next(signal: AbortSignal): Promise<void> {
    const now = this.#deps.clock.monotonic()
    const soonest = this.#watched.reduce((a, b) => (b.plan.dueAt < a.plan.dueAt ? b : a))
    const next = this.#refreshers.dueAt <= now ? this.#watched[0]! : soonest
    const dueAt = Math.min(soonest.plan.dueAt, this.#refreshers.dueAt)
    if (dueAt > now) {
      const silentAt = this.#heardAt + this.#deps.silenceMs()
      if (silentAt <= now) return this.#ping(signal)
      return this.#waker.sleep(Math.min(dueAt, silentAt) - now, signal)
    }
    await this.#lookInTurn(next, signal)
    this.#flush()
    if (next.observation.cadence === 'resync' && next.plan.dueAt === Infinity) this.#armResync()
  }

  /** Rejects when an engine that has long said nothing gives no sign of life either. */
  async #ping(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const late = {
      kind: 'engine-timeout',
      cause: `The container engine did not answer GET /_ping within ${PING_MS / 1000} s`,
      cure: 'Look in the guest whether the engine hangs (docker ps) or the guest is overloaded',
    }
    await within(clock, PING_MS, signal, late, (inTime) => this.#engine.ping(inTime))
    this.#heardAt = clock.monotonic()
  }

  /** Samples have turns of their own. */
  #lookInTurn(watched: Watched, signal: AbortSignal): Promise<void> {
    const look = () => this.#look(watched, signal)
    return watched.observation.cadence === 'sampling' ? look() : this.#deps.inTurn(signal, look)
  }

  /** Only the list decides whether the guest is monitored: without it the rest means nothing. */
  async #look(watched: Watched, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps
    const { observation, plan } = watched
    const startedAt = clock.monotonic()
    const isList = watched === this.#watched[0]
    const told =
      isList && this.#refreshers.dueAt > startedAt && plan.isForEventsOnly(startedAt) ? watched.told : undefined
    plan.started(startedAt, told === undefined)
    this.#looking = watched
    if (isList) this.#refreshers.looking()
    try {
      const context = {
        previous: watched.value,
        running: [...this.#running.keys()],
        names: this.#running,
        monotonicMs: startedAt,
        ...(told !== undefined && { told }),
      }
      watched.value = await this.#givingWay(observation.cadence === 'sampling', signal, (mine) =>
        observation.observe(this.#engine, context, mine),
      )
      const endedAt = clock.monotonic()
      // Without containers a sample asks for nothing, and it bears with questions that go unanswered.
      const asked = observation.cadence === 'resync' || this.#running.size > 0
      if (asked && endedAt - startedAt < DOUBT_MS) this.#heardAt = endedAt
      this.#set(watched)
      watched.settle(endedAt)
      if (told !== undefined) this.#lookAtAllLater(endedAt)
      else if (isList) this.#listedAt = endedAt
      if (isList) this.#refreshers.looked(startedAt, endedAt, watched.unseen)
      if (observation.runningIn !== undefined) this.#ranOnly(observation.runningIn(watched.value))
    } catch (error) {
      if (isList || signal.aborted) throw error
      if (error instanceof StoppedError) plan.dueBy(clock.monotonic() + RESAMPLE_MS)
      else log.warn({ err: asError(error), key: observation.key }, 'could not look at this part of the guest')
    } finally {
      const now = clock.monotonic()
      this.#looking = undefined
      plan.ended(now)
      if (now - startedAt > DOUBT_MS) this.#watched[0]?.plan.dueBy(now)
    }
  }

  /** Sampling asks many questions, any of which may hang: it ends when the list has to be looked at. */
  #givingWay<T>(gives: boolean, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (!gives) return work(signal)
    return linked(signal, (mine, abort) => {
      this.#giveWay = () => abort(new StoppedError('the list comes first'))
      return work(mine)
    }).finally(() => (this.#giveWay = undefined))
  }

  /** What other observations hold about containers that no longer run is taken out at once. */
  #ranOnly(running: ReadonlyMap<string, string>): void {
    this.#running = running
    const ids = new Set(running.keys())
    for (const watched of this.#watched) {
      if (watched.value === undefined || watched.observation.prune === undefined) continue
      watched.value = watched.observation.prune(watched.value, ids)
      this.#set(watched)
    }
  }

  #set({ observation, value }: Watched): void {
    this.#fields[observation.key] = observation.encode(value, this.#deps.valueBudgetBytes)
  }

  #flush(): void {
    if (Object.keys(this.#fields).length > 0) this.#deps.publish(this.#fields)
    this.#fields = {}
    this.#refreshers.published()
  }
}

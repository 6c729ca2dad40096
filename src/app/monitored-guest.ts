import { linked, within } from '../base/deadline.ts'
import { asError, StoppedError, TransientError, type Diagnosis } from '../base/errors.ts'
import { Engine } from '../engine/engine.ts'
import type { LargeReplies } from '../engine/large-replies.ts'
import type { GuestLink, LinkFacts } from '../model/guest.ts'
import { GuestSession, type Aim, type SessionDeps } from '../monitor/guest-session.ts'
import { GuestWatch, type LastList, type WatchDeps } from '../monitor/guest-watch.ts'
import type { SessionState } from '../monitor/session-machine.ts'

export const ENGINE_LIMITS = { callMs: 15_000, replyBytes: 16 * 1024 * 1024, eventLineBytes: 128 * 1024 }
/** A guest that is being connected answers within this, or something is wrong with it. */
const CONNECT_WAIT_MS = 10_000

const STILL_CONNECTING: Diagnosis = {
  kind: 'connecting',
  cause: 'The monitor is still connecting to the guest',
  cure: 'Try again in some seconds; xscontainer status tells how it stands',
}

/** A connection that is held, and what is known of the engine at its end. */
export interface HeldGuest {
  readonly facts: LinkFacts
  readonly engine: Engine
  readonly watch: GuestWatch
}

export interface MonitoredGuestDeps extends Omit<SessionDeps, 'watchGuest' | 'changed'> {
  /** What the long replies of all guests share. */
  readonly large: LargeReplies
}

interface Waiter {
  readonly resolve: (held: HeldGuest) => void
  readonly reject: (error: Error) => void
}

/** One guest: its session, and the engine of its connection for whoever wants something of it. */
export class MonitoredGuest {
  readonly #session: GuestSession
  readonly #deps: WatchDeps
  readonly #large: LargeReplies
  readonly #waiters = new Set<Waiter>()
  #held: HeldGuest | undefined
  #lastList: LastList | undefined
  /** What this connection has brought. It is not published while the guest is given up. */
  #documents: Record<string, string | undefined> = {}
  #givenUp = false

  constructor(deps: MonitoredGuestDeps, watchDeps: WatchDeps, aim: Aim) {
    this.#deps = watchDeps
    this.#large = deps.large
    this.#session = new GuestSession(
      {
        ...deps,
        watchGuest: (link, ready, signal) => this.#watch(link, ready, signal),
        changed: () => this.#changed(),
      },
      aim,
    )
  }

  get state(): SessionState {
    return this.#session.state
  }

  get reconnects(): number {
    return this.#session.reconnects
  }

  /** undefined while there is no connection. */
  get held(): HeldGuest | undefined {
    return this.#held
  }

  /** The list that was looked at last, also while the connection is lost, until the guest is given up. */
  get lastList(): LastList | undefined {
    return this.#held?.watch.lastList ?? (this.state.givenUp ? undefined : this.#lastList)
  }

  retarget(aim: Aim): void {
    this.#session.retarget(aim)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#session.run(signal)
    this.#reject(new StoppedError('the guest is not monitored any more'))
  }

  /** The connection, when it is there within some seconds. Rejects with the reason why it is not there. */
  hold(signal: AbortSignal): Promise<HeldGuest> {
    if (this.#held !== undefined) return Promise.resolve(this.#held)
    const { diagnosis } = this.state
    if (diagnosis !== undefined) return Promise.reject(new TransientError(diagnosis))
    return within(this.#deps.clock, CONNECT_WAIT_MS, signal, STILL_CONNECTING, (inTime) => {
      return new Promise<HeldGuest>((resolve, reject) => {
        const waiter = { resolve, reject }
        this.#waiters.add(waiter)
        inTime.addEventListener('abort', () => this.#waiters.delete(waiter), { once: true })
      })
    })
  }

  /** Until the engine or the link fails; everything that was started ends then. */
  #watch(link: GuestLink, ready: () => void, parent: AbortSignal): Promise<never> {
    const { clock, log } = this.#deps
    return linked(parent, async (signal, abort): Promise<never> => {
      void link.closed.then((error) => abort(error ?? new StoppedError('the link was closed')))
      // What comes in after the end is nobody's any more: the VM may be unregistered, or another host's.
      const publish: WatchDeps['publish'] = (fields) => {
        if (!signal.aborted) this.#publish(fields)
      }
      const openStream = (inTime: AbortSignal) => link.openStream(inTime)
      try {
        const engine = await Engine.open({ clock, openStream, large: this.#large }, ENGINE_LIMITS, signal)
        log.debug({ engine: engine.product, api: engine.apiVersion }, 'the engine answers')
        const watch = new GuestWatch({ ...this.#deps, publish }, engine)
        this.#hold({ facts: link.facts, engine, watch })
        return await watch.run(ready, signal)
      } catch (error) {
        // With this very error: whoever waits for the end learns of what is first given here.
        abort(asError(error))
        throw error
      }
    }).finally(() => this.#letGo())
  }

  #hold(held: HeldGuest): void {
    this.#held = held
    for (const { resolve } of this.#waiters) resolve(held)
    this.#waiters.clear()
  }

  #letGo(): void {
    this.#lastList = this.#held?.watch.lastList ?? this.#lastList
    this.#held = undefined
    this.#documents = {}
  }

  #changed(): void {
    const { diagnosis, givenUp } = this.state
    if (diagnosis !== undefined) this.#reject(new TransientError(diagnosis))
    if (this.#givenUp && !givenUp) this.#deps.publish(this.#documents)
    this.#givenUp = givenUp
  }

  #publish(fields: Readonly<Record<string, string | undefined>>): void {
    Object.assign(this.#documents, fields)
    if (!this.#givenUp) this.#deps.publish(fields)
  }

  #reject(why: Error): void {
    for (const { reject } of this.#waiters) reject(why)
    this.#waiters.clear()
  }
}

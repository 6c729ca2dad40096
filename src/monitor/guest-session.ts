import { isDeepStrictEqual } from 'node:util'
import { backoff, type Random } from '../base/backoff.ts'
import { abortReason, type Clock } from '../base/clock.ts'
import { linked } from '../base/deadline.ts'
import { asError, diagnosisOf, RefusedError, StoppedError, type Diagnosis } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { KEY, LIVE_KEYS } from '../model/fields.ts'
import type { GuestLink, Target, Transport } from '../model/guest.ts'
import type { ConnectGate } from './connect-gate.ts'
import { startSession, stepSession, type SessionInput, type SessionState, type Step } from './session-machine.ts'

const RETRY_FIRST_MS = 2000
/** With the longest handshake added, a guest that is back is found within 45 s. */
const RETRY_CAP_MS = 20_000
/** OpenSSH penalises sources that fail to authenticate again and again (PerSourcePenalties). */
const RETRY_REFUSED_MS = 15_000
/** A guest that changes its address all the time does not make us dial all the time. */
const REDIAL_GAP_MS = 3000
/** A link that was good for this long has earned a fresh start of the back-off. */
const PROVEN_MS = 30_000
/** A guest that was lost this often in a row before it had been good for that long has to prove itself the next time: */
const MOST_EARLY_LOSSES = 3
/** it is said to be monitored when it has been good for this long. With the longest wait and dial before: within 45 s. */
const PROOF_MS = 12_000
/** Most guests are connected sooner than this: they never show `connecting`, which saves a write each. */
const CONNECTING_SHOWN_MS = 3000
/** One that was monitored must not be said to be so for longer than this. */
const LOST_SHOWN_MS = 1000

/** What one link is used for: runs until the link or the engine fails; says when the first list is published. */
export type WatchGuest = (link: GuestLink, ready: () => void, signal: AbortSignal) => Promise<never>

export interface SessionDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly gate: ConnectGate
  readonly transport: Transport
  readonly watchGuest: WatchGuest
  /** Wants these keys of the VM to have these values. */
  readonly publish: (fields: Readonly<Record<string, string | undefined>>) => void
  /** Wants the message to the administrator to be there with this text; undefined: not to be there. */
  readonly notify: (body: string | undefined) => void
  /** Told of each new state. */
  readonly changed?: () => void
  /** How long a guest may be out of reach before what was published is taken back, milliseconds. */
  readonly graceMs: number
}

export interface Aim {
  readonly target: Target
  /** Why there is nobody to dial; undefined when there is. */
  readonly problem: Diagnosis | undefined
}

/** Keeps one guest connected and tells how that stands. */
export class GuestSession {
  readonly #deps: SessionDeps
  #aim: Aim
  #state: SessionState
  #link: GuestLink | undefined
  /** What the link was made for. */
  #way: Target | undefined
  #pinLater: (() => void) | undefined
  #redial: (() => void) | undefined
  #cancelGrace: (() => void) | undefined
  #cancelShow: (() => void) | undefined
  #failures = 0
  #earlyLosses = 0
  #dialledAt = Number.NEGATIVE_INFINITY
  reconnects = 0

  constructor(deps: SessionDeps, aim: Aim) {
    this.#deps = deps
    this.#aim = aim
    this.#state = startSession(deps.clock.now()).state
  }

  get state(): SessionState {
    return this.#state
  }

  /** Where to connect from now on. A good link stays if the new aim would lead to the same place. */
  retarget(aim: Aim): void {
    // Most changes of a VM's record are about something else: they cut no wait short, and end no dial.
    if (isDeepStrictEqual(aim, this.#aim)) return
    const pinned = this.#aim.target.pinnedHostKey
    this.#aim = aim
    if (aim.target.pinnedHostKey !== pinned) this.#pinChanged(aim.target)
    if (this.#link === undefined || !isSameWay(aim.target, this.#way) || !leadsTo(aim, this.#link)) this.#redial?.()
  }

  /** Connects again and again until `signal` aborts; never rejects. Leaves what was published as it is. */
  async run(signal: AbortSignal): Promise<void> {
    this.#take(startSession(this.#deps.clock.now()))
    this.#armGrace()
    let delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, this.#deps.random)
    while (!signal.aborted) {
      const { error, readyMs } = await this.#attempt(signal)
      if (signal.aborted) break
      if (isProven(readyMs)) delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, this.#deps.random)
      this.#over(error, readyMs)
      const delay = error instanceof StoppedError ? 0 : delays.next().value
      await this.#wait(error instanceof RefusedError ? Math.max(delay, RETRY_REFUSED_MS) : delay, signal)
    }
    this.#cancelGrace?.()
    this.#cancelShow?.()
  }

  /** One connection from dial to its end; how it ended, and how long it had been good, if ever. */
  async #attempt(signal: AbortSignal): Promise<{ error: unknown; readyMs: number | undefined }> {
    const { clock } = this.#deps
    let readyAt: number | undefined
    let cancelProof: (() => void) | undefined
    try {
      await linked(signal, (mine, abort) => {
        this.#redial = () => abort(new StoppedError('the target changed'))
        return this.#connect(mine, () => {
          readyAt = clock.monotonic()
          if (this.#earlyLosses < MOST_EARLY_LOSSES) this.#isReady()
          else cancelProof = clock.after(PROOF_MS, () => this.#isReady())
        })
      })
      throw new StoppedError()
    } catch (error) {
      return { error, readyMs: readyAt === undefined ? undefined : clock.monotonic() - readyAt }
    } finally {
      cancelProof?.()
      this.#redial = undefined
      this.#pinNow()
      this.#link?.close()
      this.#link = undefined
    }
  }

  async #connect(signal: AbortSignal, ready: () => void): Promise<void> {
    const { gate, transport, watchGuest } = this.#deps
    const { target, problem } = this.#aim
    if (problem !== undefined) throw new RefusedError(problem)
    const link = await gate.pass(this.#failures > 0, signal, (entered) => {
      this.#dialledAt = this.#deps.clock.monotonic()
      return transport.connect(target, signal, entered)
    })
    if (signal.aborted) {
      link.close()
      throw abortReason(signal)
    }
    this.#link = link
    this.#way = target
    this.#pinLater = () => this.#pin(target, link.facts.hostKey)
    await watchGuest(link, ready, signal)
  }

  /** With the first documents, so that all is one write; without them if the engine cannot be watched. */
  #pinNow(): void {
    this.#pinLater?.()
    this.#pinLater = undefined
  }

  /** At first contact; a pin that is there already (of an earlier version) becomes this VM's own, so that no clone inherits it. */
  #pin({ vmUuid, pinnedHostKey }: Target, hostKey: string | undefined): void {
    if (hostKey === undefined) return
    const pin = pinnedHostKey === undefined ? { [KEY.hostKey]: hostKey } : {}
    this.#deps.publish({ ...pin, [KEY.hostKeyOwner]: vmUuid })
  }

  /** Somebody removed or replaced the pin: what we once wanted it to be must not come back, unless that guest is connected. */
  #pinChanged(target: Target): void {
    const hostKey = this.#link?.facts.hostKey
    if (target.pinnedHostKey === undefined && hostKey !== undefined) this.#pin(target, hostKey)
    else this.#deps.publish({ [KEY.hostKey]: target.pinnedHostKey })
  }

  #isReady(): void {
    this.#deps.log.debug('the guest is monitored')
    this.#failures = 0
    this.#pinNow()
    this.#cancelGrace?.()
    this.#cancelGrace = undefined
    this.#input({ type: 'ready' })
  }

  #over(error: unknown, readyMs: number | undefined): void {
    if (isProven(readyMs)) this.#earlyLosses = 0
    else if (readyMs !== undefined && !(error instanceof StoppedError)) this.#earlyLosses++
    if (this.#state.at === 'monitored') {
      this.reconnects++
      this.#armGrace()
      this.#deps.log.info({ err: asError(error), good_ms: Math.round(readyMs ?? 0) }, 'connection to the guest ended')
      // One that comes and goes is not `connecting` and `monitored` in turns: its status says what is wrong with it.
      if (error instanceof StoppedError) return this.#input({ type: 'lost' })
      if (this.#earlyLosses < MOST_EARLY_LOSSES) return this.#input({ type: 'lost', why: diagnosisOf(error) })
    }
    if (error instanceof StoppedError) return
    this.#failures++
    const diagnosis = diagnosisOf(error)
    const level = diagnosis.kind === 'defect' ? 'error' : this.#failures === 1 ? 'warn' : 'debug'
    this.#deps.log[level]({ err: asError(error), failures: this.#failures }, 'cannot monitor the guest')
    this.#input({ type: 'failed', diagnosis })
  }

  /** Until it is time to dial again; a new target cuts it short, but not below the least gap between two dials. */
  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    await linked(signal, async (mine, abort) => {
      this.#redial = () => abort(new StoppedError('the target changed'))
      await clock.sleep(ms, mine)
    }).catch(() => undefined)
    this.#redial = undefined
    const gap = this.#dialledAt + REDIAL_GAP_MS - clock.monotonic()
    if (gap > 0 && !signal.aborted) await clock.sleep(gap, signal).catch(() => undefined)
  }

  #armGrace(): void {
    this.#cancelGrace ??= this.#deps.clock.after(this.#deps.graceMs, () => {
      this.#cancelGrace = undefined
      this.#input({ type: 'grace-over' })
    })
  }

  #input(input: SessionInput): void {
    this.#take(stepSession(this.#state, input, this.#deps.clock.now()))
  }

  #take({ state, effects }: Step): void {
    const { clock, publish, notify } = this.#deps
    this.#state = state
    this.#cancelShow?.()
    this.#deps.changed?.()
    for (const effect of effects) {
      if (effect.type === 'wipe') publish(Object.fromEntries(LIVE_KEYS.map((key) => [key, undefined])))
      else if (effect.type === 'raise-message') notify(effect.body)
      else if (effect.type === 'clear-message') notify(undefined)
      else if (state.at !== 'connecting') publish({ [KEY.status]: effect.line })
      else
        this.#cancelShow = clock.after(this.reconnects === 0 ? CONNECTING_SHOWN_MS : LOST_SHOWN_MS, () =>
          publish({ [KEY.status]: effect.line }),
        )
    }
  }
}

function isProven(readyMs: number | undefined): boolean {
  return readyMs !== undefined && readyMs >= PROVEN_MS
}

/** Whether both targets are reached in the same manner, as the same user or with the same certificates. */
function isSameWay(target: Target, way: Target | undefined): boolean {
  return (
    way !== undefined &&
    target.mode === way.mode &&
    (target.mode === 'tls' || target.username === way.username) &&
    target.oldAlgorithms === way.oldAlgorithms &&
    isDeepStrictEqual(target.tls, way.tls)
  )
}

/** Whether this link is what one would get by connecting anew. Host keys and sockets mean nothing to TLS. */
function leadsTo({ target, problem }: Aim, link: GuestLink): boolean {
  const { address, hostKey, socketPath } = link.facts
  if (problem !== undefined || !target.addresses.includes(address)) return false
  return (
    target.mode === 'tls' ||
    ((target.pinnedHostKey === undefined || target.pinnedHostKey === hostKey) &&
      (target.socketPath === undefined || target.socketPath === socketPath))
  )
}

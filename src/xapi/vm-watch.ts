import { backoff, type Random } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Fields } from '../model/fields.ts'
import { POOL_KEY, type PoolRecord } from '../model/pool.ts'
import type { VmRecord, VmRef, VmWatch } from '../model/vm.ts'
import { parseAnswer, type XapiEvent } from './events.ts'
import type { XapiSession } from './session.ts'
import { fieldsOf, parseNetworks, parseVm, refOf, type VmPart } from './vm-record.ts'
import { Double, isRecord } from './wire.ts'

const CLASSES = ['vm', 'vm_guest_metrics', 'pool']
/** XAPI sends nothing while it waits: this long until it says so, and this much later the connection counts as dead. */
const POLL_S = 30.5
const POLL_GRACE_MS = 15_000
/** A rest between two polls: XAPI sends whole records, so gathering changes saves it and us most of the work. */
const REST_MS = 300
const TELL_AT_ONCE = 50
const RETRY_FIRST_MS = 500
const RETRY_CAP_MS = 10_000

export interface WatchDeps {
  readonly session: Pick<XapiSession, 'poll'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Values that somebody else holds of a VM's keys: those that are equal are kept once, in one copy. */
  readonly heldOf?: (ref: VmRef) => ReadonlyMap<string, string | undefined> | undefined
}

/** XAPI's VMs, kept up to date by event.from; starts over with the full list whenever an event may have been missed. */
export class XapiVmWatch implements VmWatch {
  readonly #deps: WatchDeps
  readonly #onList: () => void
  readonly #onPool: () => void
  readonly #vms = new Map<VmRef, VmPart>()
  readonly #networks = new Map<string, Fields>()
  readonly #vmOfMetrics = new Map<string, VmRef>()
  #pool: PoolRecord | undefined
  #lastAnswer = Number.NEGATIVE_INFINITY
  #knownAsOf = Number.NEGATIVE_INFINITY

  /** `onList` is called after each full list, `onPool` when the pool object changed; both before `changed`. */
  constructor(deps: WatchDeps, onList: () => void, onPool: () => void) {
    this.#deps = deps
    this.#onList = onList
    this.#onPool = onPool
  }

  async run(changed: (ref: VmRef) => void, signal: AbortSignal): Promise<void> {
    let delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, this.#deps.random)
    while (!signal.aborted) {
      try {
        await this.#follow(changed, signal, () => (delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, this.#deps.random)))
      } catch (error) {
        if (signal.aborted) return
        const delay = delays.next().value
        this.#deps.log.warn({ err: error, retry_ms: delay }, 'lost sight of XAPI, will list all VMs again')
        await this.#deps.clock.sleep(delay, signal).catch(() => undefined)
      }
    }
  }

  get(ref: VmRef): VmRecord | undefined {
    const part = this.#vms.get(ref)
    if (part === undefined) return undefined
    return { ...part.record, networks: this.#networks.get(part.guestMetrics ?? '') ?? {} }
  }

  *all(): Iterable<VmRecord> {
    for (const ref of this.#vms.keys()) yield this.get(ref)!
  }

  pool(): PoolRecord | undefined {
    return this.#pool
  }

  /** Milliseconds since XAPI last answered the poll; Infinity before the first answer. */
  ageMs(): number {
    return this.#deps.clock.monotonic() - this.#lastAnswer
  }

  /**
   * Milliseconds for which a change may have gone unnoticed, at most: since the poll was sent that XAPI answered last.
   * When that answer came says less: in a process that was held up it may have waited for a long time.
   */
  blindMs(): number {
    return this.#deps.clock.monotonic() - this.#knownAsOf
  }

  /**
   * From an empty token (XAPI then sends everything there is) until something breaks. Deletions can get lost: when the
   * difference between XAPI's count and ours is another than after the full list, twice running, it is listed anew.
   */
  async #follow(changed: (ref: VmRef) => void, signal: AbortSignal, answered: () => void): Promise<never> {
    let token = ''
    let miscounts = 0
    let difference = 0
    for (;;) {
      const askedAt = this.#deps.clock.monotonic()
      const answer = parseAnswer(
        await this.#deps.session.poll(
          'event.from',
          [CLASSES, token, new Double(POLL_S)],
          POLL_S * 1000 + POLL_GRACE_MS,
          signal,
        ),
      )
      this.#lastAnswer = this.#deps.clock.monotonic()
      this.#knownAsOf = askedAt
      answered()
      const touched = token === '' ? this.#replaceAll(answer.events) : this.#applyAll(answer.events)
      if (token === '') this.#onList()
      await this.#tell(touched, changed, signal)
      const now = (answer.counts['vm'] ?? this.#vms.size) - this.#vms.size
      if (token === '') difference = now
      miscounts = now === difference ? 0 : miscounts + 1
      token = answer.token
      if (miscounts >= 2) {
        this.#deps.log.info('XAPI counts other VMs than were told of: listing all again')
        token = ''
        miscounts = 0
      }
      await this.#deps.clock.sleep(REST_MS, signal)
    }
  }

  /** Some at a time, others have their turn in between: after a full list it is a thousand. */
  async #tell(touched: ReadonlySet<VmRef>, changed: (ref: VmRef) => void, signal: AbortSignal): Promise<void> {
    let told = 0
    for (const ref of touched) {
      changed(ref)
      if (++told % TELL_AT_ONCE === 0) await this.#deps.clock.sleep(0, signal)
    }
  }

  /** The answer to an empty token is all there is: what it does not name is gone. Gives every ref, old and new. */
  #replaceAll(events: readonly XapiEvent[]): Set<VmRef> {
    const before = [...this.#vms.keys()]
    this.#vms.clear()
    this.#networks.clear()
    this.#vmOfMetrics.clear()
    return new Set([...before, ...this.#applyAll(events), ...this.#vms.keys()])
  }

  #applyAll(events: readonly XapiEvent[]): Set<VmRef> {
    const touched = new Set<VmRef>()
    for (const event of events) this.#apply(event, touched)
    return touched
  }

  #apply(event: XapiEvent, touched: Set<VmRef>): void {
    if (event.class === 'vm') {
      this.#applyVm(event)
      touched.add(event.ref)
    } else if (event.class === 'vm_guest_metrics') {
      if (event.operation === 'del') this.#networks.delete(event.ref)
      else this.#networks.set(event.ref, parseNetworks(event.snapshot))
      const vm = this.#vmOfMetrics.get(event.ref)
      if (vm !== undefined) touched.add(vm)
    } else if (event.class === 'pool' && isRecord(event.snapshot)) {
      const ours = new Set<string>(Object.values(POOL_KEY))
      this.#pool = {
        ref: event.ref,
        coordinator: refOf(event.snapshot['master']),
        otherConfig: fieldsOf(event.snapshot['other_config'], (key) => ours.has(key)),
      }
      this.#onPool()
    }
  }

  /** A thousand VMs have some 20 MB of documents, and whoever has written them holds them too. */
  #shared(part: VmPart): VmPart {
    const held = this.#deps.heldOf?.(part.record.ref)
    if (held === undefined) return part
    const otherConfig = Object.entries(part.record.otherConfig).map(([key, text]) => {
      const same = held.get(key)
      return [key, same === text ? same : text] as const
    })
    return { ...part, record: { ...part.record, otherConfig: Object.fromEntries(otherConfig) } }
  }

  #applyVm(event: XapiEvent): void {
    const before = this.#vms.get(event.ref)?.guestMetrics
    const part = event.operation === 'del' ? undefined : parseVm(event.ref, event.snapshot)
    if (before !== undefined && before !== part?.guestMetrics) this.#vmOfMetrics.delete(before)
    if (part === undefined) this.#vms.delete(event.ref)
    else this.#vms.set(event.ref, this.#shared(part))
    if (part?.guestMetrics !== undefined) this.#vmOfMetrics.set(part.guestMetrics, event.ref)
  }
}

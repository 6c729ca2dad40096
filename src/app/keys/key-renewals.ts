import { within } from '../../base/deadline.ts'
import type { Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { Gate } from '../../base/gate.ts'
import type { Log } from '../../base/log.ts'
import { WorkQueue } from '../../base/work-queue.ts'
import { POOL_KEY, type PoolRecord } from '../../model/pool.ts'
import type { VmRecord } from '../../model/vm.ts'
import type { KeyRenewal } from '../pool-ssh-key.ts'
import { pendingVms } from './rotate-pool-key.ts'

/** Each is some logins: guests that all come back at once have monitoring first. */
const AT_ONCE = 2
const RENEWAL_MS = 120_000
/** A guest whose keys could not be renewed is left alone for so long, however often it connects. */
const RETRY_MS = 15 * 60_000

export interface KeyRenewalsDeps {
  readonly clock: Clock
  readonly log: Log
  readonly signal: () => AbortSignal
  readonly pool: () => PoolRecord | undefined
  /** The pool's VMs, as far as is known. */
  readonly vms: () => Iterable<VmRecord>
  /** Fingerprint of the pool's key. */
  readonly print: () => Promise<string>
  /** Brings one guest's keys to where the pool stands. */
  readonly renew: (vmUuid: string, signal: AbortSignal) => Promise<void>
  /** Forgets the previous key if XAPI too says that no guest is left that may need it. */
  readonly end: (signal: AbortSignal) => Promise<void>
}

/** Finishes the change of the pool's key in guests that come back after it: one connection of theirs brings them here. */
export class KeyRenewals implements KeyRenewal {
  readonly #deps: KeyRenewalsDeps
  readonly #gate = new Gate(AT_ONCE)
  readonly #queue: WorkQueue<string>
  /** Of this change of the key, which its secret tells from others. */
  #change: { readonly secret: string; readonly done: Set<string>; readonly failedAt: Map<string, number> } | undefined

  constructor(deps: KeyRenewalsDeps) {
    this.#deps = deps
    this.#queue = new WorkQueue(
      (vmUuid) => this.#gate.pass(deps.signal(), () => this.#renew(vmUuid)),
      (vmUuid, error) => {
        if (!deps.signal().aborted) deps.log.error({ vm: vmUuid, err: error }, "defect: could not renew a guest's keys")
      },
    )
  }

  underWay(): boolean {
    return this.#deps.pool()?.otherConfig[POOL_KEY.previousKey] !== undefined
  }

  connected(vmUuid: string): void {
    if (!this.#deps.signal().aborted) this.#queue.add(vmUuid)
  }

  /** Tries those again that failed, of these. */
  retry(vmUuids: Iterable<string>): void {
    if (!this.underWay()) return
    this.#change?.failedAt.clear()
    for (const vmUuid of vmUuids) this.connected(vmUuid)
  }

  async #renew(vmUuid: string): Promise<void> {
    const { clock, log, signal, renew } = this.#deps
    const change = this.#current()
    if (change === undefined || change.done.has(vmUuid)) return
    if (clock.monotonic() - (change.failedAt.get(vmUuid) ?? -Infinity) < RETRY_MS) return
    if (!(await this.#left()).includes(vmUuid)) return
    const late = {
      kind: 'renewal-timeout',
      cause: `The keys of the guest were not renewed within ${RENEWAL_MS / 1000} s`,
      cure: 'Check the load of the guest, then run xscontainer key rotate again',
    }
    try {
      await within(clock, RENEWAL_MS, signal(), late, (inTime) => renew(vmUuid, inTime))
      change.done.add(vmUuid)
      await this.#endIfDone(change.done)
    } catch (error) {
      if (signal().aborted) return
      change.failedAt.set(vmUuid, clock.monotonic())
      log.warn({ vm: vmUuid, err: asError(error) }, "could not renew the guest's keys, will try again later")
    }
  }

  async #endIfDone(done: ReadonlySet<string>): Promise<void> {
    if ((await this.#left()).every((uuid) => done.has(uuid))) await this.#deps.end(this.#deps.signal())
  }

  /** Guests that may need the previous key, as far as XAPI has told. */
  async #left(): Promise<string[]> {
    return pendingVms([...this.#deps.vms()], await this.#deps.print()).map(({ uuid }) => uuid)
  }

  #current() {
    const secret = this.#deps.pool()?.otherConfig[POOL_KEY.previousKey]
    if (secret === undefined) this.#change = undefined
    else if (this.#change?.secret !== secret) this.#change = { secret, done: new Set(), failedAt: new Map() }
    return this.#change
  }
}

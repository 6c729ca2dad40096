import type { Clock } from '../base/clock.ts'
import { RefusedError } from '../base/errors.ts'
import type { FieldWrite } from '../model/fields.ts'
import type { FieldStore, MessageStore } from '../model/stores.ts'
import { refOf } from './vm-record.ts'
import type { XapiSession } from './session.ts'

/** What XAPI told within this time is believed: while many writes are made, none of them has to ask. */
const FRESH_MS = 1000
/** The two halves of one flush ask once. */
const FLUSH_MS = 200

export interface OwnVmsDeps {
  readonly fields: FieldStore
  readonly messages: MessageStore
  readonly session: Pick<XapiSession, 'call'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** Milliseconds for which a change may have gone unnoticed. */
  readonly blindMs: () => number
  readonly myHost: () => string
}

/**
 * Writes about VMs that are still this host's only. A daemon that was held up has not yet heard that a VM moved away,
 * and what it would take back or complain about then is its new host's.
 */
export class OwnVms implements FieldStore, MessageStore {
  readonly #deps: OwnVmsDeps
  /** When each VM was last seen to be ours, oldest first. */
  readonly #seen = new Map<string, number>()

  constructor(deps: OwnVmsDeps) {
    this.#deps = deps
  }

  async apply(vmRef: string, writes: readonly FieldWrite[], signal: AbortSignal): Promise<void> {
    if (this.#deps.blindMs() > FRESH_MS && !this.#seenLately(vmRef)) await this.#look(vmRef, signal)
    await this.#deps.fields.apply(vmRef, writes, signal)
  }

  find(vmUuid: string, title: string, signal: AbortSignal): Promise<readonly string[]> {
    return this.#deps.messages.find(vmUuid, title, signal)
  }

  async create(vmUuid: string, title: string, body: string, signal: AbortSignal): Promise<void> {
    await this.#look(String(await this.#deps.session.call('VM.get_by_uuid', [vmUuid], signal)), signal)
    await this.#deps.messages.create(vmUuid, title, body, signal)
  }

  destroy(ref: string, signal: AbortSignal): Promise<void> {
    return this.#deps.messages.destroy(ref, signal)
  }

  #seenLately(vmRef: string): boolean {
    const oldest = this.#deps.clock.monotonic() - FLUSH_MS
    for (const [ref, at] of this.#seen) {
      if (at >= oldest) break
      this.#seen.delete(ref)
    }
    return this.#seen.has(vmRef)
  }

  /** A VM that runs nowhere is for whoever looks after it: nobody else will write to it. */
  async #look(vmRef: string, signal: AbortSignal): Promise<void> {
    const { session, clock, myHost } = this.#deps
    const ask = async () => refOf(await session.call('VM.get_resident_on', [vmRef], signal))
    const askedAt = clock.monotonic()
    let host = await ask()
    // Held up again between question and answer, or XAPI is slow: the second answer counts.
    if (clock.monotonic() - askedAt > FRESH_MS) host = await ask()
    if (host !== undefined && host !== myHost()) {
      throw new RefusedError({
        kind: 'vm-moved',
        cause: 'The VM has moved to another host',
        cure: 'Nothing needs to be done: the monitor there looks after it now',
      })
    }
    this.#seen.delete(vmRef)
    this.#seen.set(vmRef, clock.monotonic())
  }
}

import { backoff, type Random } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { WorkQueue } from '../base/work-queue.ts'
import type { MessageStore } from '../model/stores.ts'

/** Name of the messages that say so. */
export const CANNOT_MONITOR = 'Container Management cannot monitor VM'
const RETRY_FIRST_MS = 1000
const RETRY_CAP_MS = 20_000

export interface NoticesDeps {
  readonly store: MessageStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  /** Name of the messages; left out: that a VM cannot be monitored. */
  readonly title?: string
}

/** At most one message of its title per VM, there for as long as it is wanted. */
export class Notices {
  readonly #deps: NoticesDeps
  readonly #vms = new Map<string, { wanted: string | undefined; there: boolean | 'unknown' }>()
  readonly #queue: WorkQueue<string>

  constructor(deps: NoticesDeps) {
    this.#deps = deps
    this.#queue = new WorkQueue(
      (vmUuid) => this.#converge(vmUuid),
      (vmUuid, error) => {
        if (!deps.signal.aborted) deps.log.error({ vm: vmUuid, err: error }, 'message could not be handled')
      },
    )
  }

  /** An earlier run, or another host, may have left a message about this VM. */
  mayExist(vmUuid: string): void {
    this.#of(vmUuid).there = 'unknown'
  }

  /** Whether there is a message about this VM, or it is not known that there is none. */
  mayBeThere(vmUuid: string): boolean {
    return (this.#vms.get(vmUuid)?.there ?? false) !== false
  }

  /** Wants a message with this text to be there, whatever its text was when it came; undefined: none. */
  want(vmUuid: string, body: string | undefined): void {
    if (body === undefined && !this.#vms.has(vmUuid)) return
    const vm = this.#of(vmUuid)
    vm.wanted = body
    if (vm.there !== (body !== undefined)) this.#queue.add(vmUuid)
  }

  /** Leaves messages as they are: the VM has moved to another host, which looks after them now. */
  forget(vmUuid: string): void {
    this.#vms.delete(vmUuid)
  }

  /** About how many VMs there is something to remember. */
  get size(): number {
    return this.#vms.size
  }

  #of(vmUuid: string) {
    const found = this.#vms.get(vmUuid) ?? { wanted: undefined, there: false as const }
    this.#vms.set(vmUuid, found)
    return found
  }

  async #converge(vmUuid: string): Promise<void> {
    const { clock, log, random, signal } = this.#deps
    const delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, random)
    for (;;) {
      const vm = this.#vms.get(vmUuid)
      if (vm === undefined) return
      if (vm.there === (vm.wanted !== undefined)) {
        if (!vm.there) this.#vms.delete(vmUuid) // nothing to remember; VMs come and go
        return
      }
      try {
        await this.#step(vmUuid, vm)
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ vm: vmUuid, err: asError(error) }, 'could not bring a message up to date, will try again')
        vm.there = 'unknown'
        await clock.sleep(delays.next().value, signal)
      }
    }
  }

  /** Looks before it creates: an answer may have been lost, and XAPI does not stop anybody from saying things twice. */
  async #step(vmUuid: string, vm: { wanted: string | undefined; there: boolean | 'unknown' }): Promise<void> {
    const { store, signal, title = CANNOT_MONITOR } = this.#deps
    const { wanted } = vm
    const found = await store.find(vmUuid, title, signal)
    if (wanted === undefined) for (const ref of found) await store.destroy(ref, signal)
    else if (found.length === 0) await store.create(vmUuid, title, wanted, signal)
    vm.there = wanted !== undefined
  }
}

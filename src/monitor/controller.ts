import type { Log } from '../base/log.ts'
import { WorkQueue } from '../base/work-queue.ts'
import { KEY, LIVE_KEYS } from '../model/fields.ts'
import type { PoolNetwork } from '../model/pool.ts'
import type { VmRecord, VmRef } from '../model/vm.ts'
import { desired, hasLiveKeys, type Place } from './desired.ts'
import type { Aim, GuestSession } from './guest-session.ts'

const NONE: ReadonlySet<string> = new Set()
const ALL_OURS = Object.fromEntries([...LIVE_KEYS, KEY.status, KEY.updated].map((key) => [key, undefined]))

/** What a session must be able to do for the controller. */
export type Session = Pick<GuestSession, 'run' | 'retarget' | 'state' | 'reconnects'>

export interface ControllerDeps<S extends Session> {
  readonly log: Log
  readonly get: (ref: VmRef) => VmRecord | undefined
  readonly place: () => Place
  readonly poolNetwork: () => PoolNetwork
  readonly preferHostInternal: () => boolean
  readonly allowLoopback: boolean
  readonly newSession: (vm: VmRecord, aim: Aim) => S
  readonly publisher: {
    want(ref: VmRef, fields: Readonly<Record<string, string | undefined>>): void
    leave(ref: VmRef, keys: readonly string[]): void
    recheck(ref: VmRef): void
    forget(ref: VmRef): void
  }
  readonly notices: {
    mayExist(uuid: string): void
    mayBeThere(uuid: string): boolean
    want(uuid: string, body: string | undefined): void
    forget(uuid: string): void
  }
}

interface Running<S> {
  readonly uuid: string
  readonly session: S
  readonly stop: AbortController
  readonly done: Promise<void>
}

/** Brings each VM from what is to what should be: one session per monitored VM, no stale keys on the others. */
export class Controller<S extends Session = Session> {
  readonly #deps: ControllerDeps<S>
  readonly #sessions = new Map<VmRef, Running<S>>()
  readonly #queue: WorkQueue<VmRef>
  #stopped = false

  constructor(deps: ControllerDeps<S>) {
    this.#deps = deps
    this.#queue = new WorkQueue(
      (ref) => this.#reconcile(ref),
      (ref, error) => deps.log.error({ vm: ref, err: error }, 'defect: could not reconcile a VM'),
    )
  }

  /** Something about this VM may have changed. */
  enqueue(ref: VmRef): void {
    if (!this.#stopped) this.#queue.add(ref)
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** The session of a VM that is monitored here. */
  session(ref: VmRef): S | undefined {
    return this.#sessions.get(ref)?.session
  }

  /**
   * Ends all sessions and wants their documents gone. A failed guest's status line and message stay: they still hold. The
   * status line stays, too, where there may be a message of an earlier run: it tells the next run to look for it.
   */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#queue.idle()
    await Promise.all(
      [...this.#sessions].map(async ([ref, running]) => {
        await this.#end(ref, running)
        const { at } = running.session.state
        const stays = at === 'failed' || (at === 'connecting' && this.#deps.notices.mayBeThere(running.uuid))
        const wiped = Object.fromEntries([...LIVE_KEYS, KEY.updated].map((key) => [key, undefined]))
        this.#deps.publisher.want(ref, stays ? wiped : ALL_OURS)
      }),
    )
  }

  async #reconcile(ref: VmRef): Promise<void> {
    const vm = this.#deps.get(ref)
    const running = this.#sessions.get(ref)
    if (vm === undefined) return this.#destroyed(ref, running)
    const wanted = desired(vm, this.#deps.place(), this.#rulesFor(ref))
    if (wanted.watch) {
      if (running === undefined) this.#start(vm, wanted)
      else running.session.retarget(wanted)
      this.#deps.publisher.recheck(ref)
      return
    }
    if (running !== undefined) await this.#end(ref, running)
    if (wanted.clean || (running !== undefined && vm.residentOn === undefined)) this.#clean(vm, running !== undefined)
    else this.#letGo(ref, vm.uuid)
  }

  #start(vm: VmRecord, aim: Aim): void {
    const { log, newSession, notices } = this.#deps
    if (wasInTrouble(vm)) notices.mayExist(vm.uuid)
    const session = newSession(vm, aim)
    const stop = new AbortController()
    const done = session
      .run(stop.signal)
      .catch((error: unknown) => log.error({ vm: vm.uuid, err: error }, 'defect: a session ended'))
    this.#sessions.set(vm.ref, { uuid: vm.uuid, session, stop, done })
    log.info({ vm: vm.uuid, name: vm.name }, 'monitoring starts')
  }

  async #end(ref: VmRef, running: Running<S>): Promise<void> {
    running.stop.abort()
    await running.done
    this.#sessions.delete(ref)
    this.#deps.log.info({ vm: running.uuid }, 'monitoring ends')
  }

  /** Nobody monitors this VM: what says otherwise goes, and so does a message about it. */
  #clean(vm: VmRecord, wasMine: boolean): void {
    const { notices, publisher } = this.#deps
    if (wasInTrouble(vm)) notices.mayExist(vm.uuid)
    if (wasMine || hasLiveKeys(vm)) {
      notices.want(vm.uuid, undefined)
      // Whoever unregisters a VM may take its pin away next: that must not be repaired.
      publisher.leave(vm.ref, [KEY.hostKey, KEY.hostKeyOwner])
      publisher.want(vm.ref, ALL_OURS)
    } else {
      publisher.forget(vm.ref)
    }
  }

  /** Another host looks after it now; what we published is its to keep or change. */
  #letGo(ref: VmRef, uuid: string): void {
    this.#deps.publisher.forget(ref)
    this.#deps.notices.forget(uuid)
  }

  async #destroyed(ref: VmRef, running: Running<S> | undefined): Promise<void> {
    if (running === undefined) return
    await this.#end(ref, running)
    this.#deps.publisher.forget(ref)
    this.#deps.notices.want(running.uuid, undefined)
  }

  #rulesFor(ref: VmRef) {
    const { poolNetwork, preferHostInternal, allowLoopback } = this.#deps
    const network = poolNetwork()
    return {
      allowLoopback,
      hostAddresses: network.hostAddresses,
      hostInternalDevices: network.hostInternalDevices.get(ref) ?? NONE,
      preferHostInternal: preferHostInternal(),
    }
  }
}

/** Whether whoever looked after the VM last may have left a message: they were failing, or trying again after that. */
function wasInTrouble({ otherConfig: { [KEY.status]: status = '' } }: VmRecord): boolean {
  return status.startsWith('failed ') || status.startsWith('connecting ')
}

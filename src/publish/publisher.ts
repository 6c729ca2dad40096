import { backoff, type Random } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { linked } from '../base/deadline.ts'
import { asError, StoppedError, TransientError } from '../base/errors.ts'
import { Gate } from '../base/gate.ts'
import type { Log } from '../base/log.ts'
import type { TokenBucket } from '../base/token-bucket.ts'
import { callsFor, type Fields } from '../model/fields.ts'
import type { FieldStore } from '../model/stores.ts'
import type { VmRef } from '../model/vm.ts'
import { planWrites, type WritePlan } from './plan-writes.ts'
import { Spend } from './spend.ts'
import { VmKeys } from './vm-keys.ts'

/** From the stamp to the replacement: whoever waited for events is then busy with the stamp's (measured best). */
const STAMP_LEAD_MS = 20
/** Where somebody waits for it: XAPI has answered the waiting ones by then (it takes 3 ms), if not all have asked again. */
const URGENT_LEAD_MS = 5
const RETRY_FIRST_MS = 1000
const RETRY_CAP_MS = 10_000
const WAKE_AT_ONCE = 50
/** A value that somebody else changed is put right, but not more often than this. */
const REPAIR_GAP_MS = 15_000

export interface PublisherDeps {
  readonly store: FieldStore
  readonly clock: Clock
  readonly random: Random
  readonly budget: TokenBucket
  readonly log: Log
  /** The VM's keys as XAPI last told them; undefined when the VM is not there, or not ours to write any more. */
  readonly known: (ref: VmRef) => Fields | undefined
}

/** Brings keys of VM.other_config to what is wanted: latest value wins, unchanged ones are skipped, in turn and in time. */
export class Publisher {
  readonly #deps: PublisherDeps
  readonly #vms = new Map<VmRef, VmKeys>()
  readonly #flushes = new Gate(32)
  readonly #stop = new AbortController()
  #draining = false
  /** XAPI calls that changed something, since the start. */
  writes = 0
  readonly spend: Spend

  constructor(deps: PublisherDeps) {
    this.#deps = deps
    this.spend = new Spend(deps.clock)
  }

  /** Wants these keys to have these values (undefined: to be absent), besides what was wanted before. */
  want(ref: VmRef, fields: Readonly<Record<string, string | undefined>>): void {
    const vm = this.#of(ref)
    for (const [key, value] of Object.entries(fields)) vm.wanted.set(key, value)
    vm.reconsider?.()
    this.#wake(ref, vm)
  }

  /** Wants nothing of these keys any more: they stay as they are, or become what others make of them. */
  leave(ref: VmRef, keys: readonly string[]): void {
    for (const key of keys) this.#vms.get(ref)?.wanted.delete(key)
  }

  /** Writes what is wanted for a VM without waiting for its pace; resolves when XAPI has it, or nobody may write it. */
  async settle(ref: VmRef, signal: AbortSignal): Promise<void> {
    const vm = this.#vms.get(ref)
    if (vm === undefined) return
    vm.urgent++
    try {
      vm.reconsider?.()
      // A write under way may be of what was wanted before: XAPI has something else then than it seems to.
      while ((vm.running !== undefined || this.#plan(ref, vm) !== undefined) && !this.#draining) {
        this.#wake(ref, vm)
        await linked(signal, () => vm.running ?? Promise.resolve())
      }
    } finally {
      vm.urgent--
    }
  }

  /** What is wanted of this VM's keys; undefined when nothing is. */
  wantedOf(ref: VmRef): ReadonlyMap<string, string | undefined> | undefined {
    return this.#vms.get(ref)?.wanted
  }

  /** XAPI calls that changed something of this VM, since it was monitored. */
  writesOf(ref: VmRef): number {
    return this.#vms.get(ref)?.writes ?? 0
  }

  /** The VM's record changed: put right what differs from what is wanted, after a lost XAPI write for example. */
  recheck(ref: VmRef): void {
    const vm = this.#vms.get(ref)
    if (vm === undefined || vm.running !== undefined) return
    const early = vm.flushedAt + REPAIR_GAP_MS - this.#deps.clock.monotonic()
    if (early <= 0) return this.#wake(ref, vm)
    vm.cancelRepair ??= this.#deps.clock.after(early, () => {
      vm.cancelRepair = undefined
      this.#wake(ref, vm)
    })
  }

  /** XAPI has been listed anew, perhaps from an older database: what we wrote counts for nothing, what is there does. */
  recheckAll(): void {
    for (const vm of this.#vms.values()) vm.forgetWritten()
    this.#wakeAll([...this.#vms])
  }

  /** Lets go of a VM without writing anything. */
  forget(ref: VmRef): void {
    const vm = this.#vms.get(ref)
    this.#vms.delete(ref)
    vm?.gone.abort(new StoppedError())
    vm?.cancelRepair?.()
    vm?.hurry?.()
  }

  /** How many VMs have something unwritten. */
  get backlog(): number {
    return [...this.#vms.values()].filter(({ running }) => running !== undefined).length
  }

  /** Writes everything that is wanted now, without pauses, until done or `signal` aborts. Then nothing more is written. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true
    const onAbort = () => this.#stop.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    for (const [ref, vm] of this.#vms) {
      this.#wake(ref, vm)
      vm.hurry?.()
    }
    while (this.#vms.size > 0 && !signal.aborted) {
      const running = [...this.#vms.values()].flatMap(({ running }) => (running ? [running] : []))
      if (running.length === 0) break
      await Promise.race([Promise.all(running), new Promise((resolve) => signal.addEventListener('abort', resolve))])
    }
    this.#stop.abort()
    signal.removeEventListener('abort', onAbort)
  }

  #of(ref: VmRef): VmKeys {
    const found = this.#vms.get(ref)
    if (found !== undefined) return found
    const made = new VmKeys()
    this.#vms.set(ref, made)
    return made
  }

  /** Some at a time, others have their turn in between: each of a thousand VMs is compared with what is wanted of it. */
  #wakeAll(vms: readonly (readonly [VmRef, VmKeys])[]): void {
    for (const [ref, vm] of vms.slice(0, WAKE_AT_ONCE)) this.#wake(ref, vm)
    if (vms.length > WAKE_AT_ONCE) this.#deps.clock.after(0, () => this.#wakeAll(vms.slice(WAKE_AT_ONCE)))
  }

  #wake(ref: VmRef, vm: VmKeys): void {
    if (vm.running !== undefined || this.#stop.signal.aborted) return
    vm.running = this.#pump(ref, vm).then(
      (done) => {
        vm.running = undefined
        // What was wanted since the last look, while this was on its way to its end.
        if (done && this.#plan(ref, vm) !== undefined) this.#wake(ref, vm)
      },
      (error: unknown) => {
        vm.running = undefined
        if (!vm.gone.signal.aborted) this.#deps.log.error({ err: error }, 'publishing stopped unexpectedly')
      },
    )
  }

  /** Writes until nothing differs any more; false when it gave up before. */
  async #pump(ref: VmRef, vm: VmKeys): Promise<boolean> {
    const { log, random } = this.#deps
    let delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, random)
    while (this.#plan(ref, vm) !== undefined) {
      try {
        await this.#untilReady(ref, vm)
        await this.#flush(ref, vm)
        delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, random)
      } catch (error) {
        if (vm.gone.signal.aborted || this.#stop.signal.aborted) return false
        if (isGone(error)) {
          this.forget(ref)
          return false
        }
        const delay = delays.next().value
        log.warn({ err: asError(error), retry_ms: delay }, 'could not write to VM.other_config, will try again')
        if (this.#draining && !(error instanceof TransientError)) return false
        await this.#pause(vm, this.#draining ? 250 : delay)
      }
    }
    return true
  }

  /** Until a key that differs may be written: each at once after a quiet time, then at its own pace. */
  async #untilReady(ref: VmRef, vm: VmKeys): Promise<void> {
    for (;;) {
      const now = this.#deps.clock.monotonic()
      const plan = this.#plan(ref, vm)
      if (plan === undefined || this.#ready(ref, vm, now) !== undefined) return
      const waits = plan.writes.map(({ key }) => vm.wait(key, now)).filter((wait) => wait > 0)
      const paused = this.#pause(vm, Math.min(...waits))
      vm.reconsider = vm.hurry
      await paused
      vm.reconsider = undefined
    }
  }

  async #flush(ref: VmRef, vm: VmKeys): Promise<void> {
    const signal = vm.gone.signal
    const expected = callsOf(this.#ready(ref, vm))
    const inLineAt = this.#deps.clock.monotonic()
    await this.#turn(vm, expected)
    this.spend.waited(this.#deps.clock.monotonic() - inLineAt)
    await this.#flushes.pass(signal, async () => {
      const plan = this.#ready(ref, vm)
      const calls = callsOf(plan)
      this.#deps.budget.spend(calls - expected)
      if (plan === undefined) return
      const keys = [...plan.stamp, ...plan.writes].map(({ key }) => key)
      vm.flushing(keys, this.#deps.clock.monotonic())
      this.writes += calls
      vm.writes += calls
      this.spend.wrote(calls, bytesOf(plan))
      if (plan.stamp.length > 0 && plan.replaces) {
        await this.#apply(ref, vm, plan.stamp)
        await this.#deps.clock.sleep(vm.urgent > 0 ? URGENT_LEAD_MS : STAMP_LEAD_MS, signal)
        await this.#apply(ref, vm, plan.writes)
      } else {
        await this.#apply(ref, vm, [...plan.stamp, ...plan.writes])
      }
    })
  }

  async #apply(ref: VmRef, vm: VmKeys, writes: WritePlan['writes']): Promise<void> {
    try {
      await this.#deps.store.apply(ref, writes, this.#stop.signal)
      vm.wrote(writes, this.#deps.clock.monotonic())
    } catch (error) {
      vm.mayHaveWritten(writes)
      throw error
    }
  }

  /** What may be written now; undefined when that is nothing. */
  #ready(ref: VmRef, vm: VmKeys, now = this.#deps.clock.monotonic()): WritePlan | undefined {
    return this.#plan(ref, vm, (key) => !this.#draining && vm.wait(key, now) > 0)
  }

  /** What has to be written; undefined when nothing has, or when the VM is not ours any more. */
  #plan(ref: VmRef, vm: VmKeys, held?: (key: string) => boolean): WritePlan | undefined {
    const known = vm.gone.signal.aborted ? undefined : this.#deps.known(ref)
    if (known === undefined) return undefined
    // Once draining, nobody listens to XAPI any more: what we remember is all there is.
    if (!this.#draining) vm.forgetEchoed(this.#deps.clock.monotonic())
    const plan = planWrites(vm.actual(known), vm.wanted, new Date(this.#deps.clock.now()).toISOString(), held)
    return plan.writes.length > 0 ? plan : undefined
  }

  /** Waits until the budget allows so many writes; `forget` and `drain` cut it short. */
  async #turn(vm: VmKeys, calls: number): Promise<void> {
    if (this.#draining) return
    await linked(vm.gone.signal, (mine, abort) => {
      vm.hurry = () => abort(new StoppedError())
      return this.#deps.budget.turn(mine, calls)
    }).catch((error: unknown) => {
      if (!this.#draining) throw error
    })
    vm.hurry = undefined
  }

  /** A pause that `forget` and `drain` cut short. */
  async #pause(vm: VmKeys, ms: number): Promise<void> {
    if (this.#draining && ms > 250) return
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.after(ms, resolve)
      vm.hurry = () => {
        cancel()
        resolve()
      }
    })
    vm.hurry = undefined
  }
}

function callsOf(plan: WritePlan | undefined): number {
  return plan === undefined ? 0 : callsFor(plan.stamp) + callsFor(plan.writes)
}

function bytesOf({ stamp, writes }: WritePlan): number {
  return [...stamp, ...writes].reduce((sum, { value = '' }) => sum + value.length, 0)
}

function isGone(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'HANDLE_INVALID'
}

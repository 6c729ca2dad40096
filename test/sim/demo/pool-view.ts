import { systemClock } from '../../../src/base/clock.ts'
import { createLog } from '../../../src/base/log.ts'
import { KEY } from '../../../src/model/fields.ts'
import type { VmRecord } from '../../../src/model/vm.ts'
import { parseAnswer, type XapiEvent } from '../../../src/xapi/events.ts'
import { XapiSession } from '../../../src/xapi/session.ts'
import { parseVm } from '../../../src/xapi/vm-record.ts'
import { Double, isRecord } from '../../../src/xapi/wire.ts'
import { vmView, type VmView } from './vm-view.ts'

const CLASSES = ['vm', 'host', 'message']
const POLL_S = 30.5
const CALL_MS = (POLL_S + 15) * 1000
/** XAPI replaces a key of a map in two steps: one that is away for less than this was never gone. */
const REPLACING_MS = 150

type Vm = Omit<VmRecord, 'networks'>

/** The pool as a client sees it: with a session of its own on a host's socket, waiting for XAPI's events. */
export class PoolView {
  readonly #session: XapiSession
  readonly #vms = new Map<string, Vm>()
  readonly #hosts = new Map<string, string>()
  readonly #replacing = new Map<string, () => void>()
  readonly #messages = new Map<string, readonly string[]>()
  readonly #listeners = new Set<() => void>()
  readonly #lostMs = new Map<string, number>()
  readonly #views = new WeakMap<object, VmView>()
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined

  constructor(socketPath: string) {
    const log = createLog('silent', { write: () => undefined })
    this.#session = new XapiSession({ socketPath, clock: systemClock, log, callMs: CALL_MS })
  }

  /** Starts following; `onError` is told when XAPI does not answer as it should, and the view then stays as it is. */
  start(onError: (error: unknown) => void): void {
    this.#running = this.#follow().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) onError(error)
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    for (const cancel of this.#replacing.values()) cancel()
    await this.#running
    await this.#session.logout(new AbortController().signal)
  }

  /** Calls back after each answer of XAPI; the returned function ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The VMs that are offered for container management, by name. */
  vms(): VmView[] {
    return [...this.#vms.values()]
      .filter((vm) => vm.otherConfig[KEY.monitor] !== undefined && !vm.isTemplate && !vm.isControlDomain)
      .map((vm) => this.#viewOf(vm))
      .sort((a, b) => a.name.localeCompare(b.name))
  }

  vm(name: string): VmView | undefined {
    return this.vms().find((vm) => vm.name === name)
  }

  /** When a VM was seen to be out of reach after it had been monitored, milliseconds since the epoch. */
  lostMs(name: string): number | undefined {
    return this.#lostMs.get(name)
  }

  /** Titles of the messages about this VM. */
  messages(name: string): string[] {
    const uuids = [...this.#vms.values()].filter((vm) => vm.name === name).map(({ uuid }) => uuid)
    return [...this.#messages.values()].flatMap(([uuid = '', title = '']) => (uuids.includes(uuid) ? [title] : []))
  }

  async #follow(): Promise<never> {
    for (let token = ''; ;) {
      const params = [CLASSES, token, new Double(POLL_S)]
      // A call as any client makes it: the monitor's own long poll keeps only what the monitor reads.
      const answer = await this.#session.call('event.from', params, this.#stop.signal)
      const { events, token: next } = parseAnswer(answer)
      token = next
      for (const event of events) this.#apply(event)
      this.#tell()
    }
  }

  #apply({ class: cls, ref, snapshot }: XapiEvent): void {
    const record = isRecord(snapshot) ? snapshot : undefined
    if (cls === 'host') keep(this.#hosts, ref, record && String(record['name_label']))
    else if (cls === 'message') keep(this.#messages, ref, record && [record['obj_uuid'], record['name']].map(String))
    else this.#applyVm(ref, parseVm(ref, snapshot)?.record)
  }

  #applyVm(ref: string, vm: Vm | undefined): void {
    this.#replacing.get(ref)?.()
    this.#replacing.delete(ref)
    const before = this.#vms.get(ref)
    const lacks = (key: string) => before?.otherConfig[key] !== undefined && vm?.otherConfig[key] === undefined
    if (!lacks(KEY.status) && !lacks(KEY.ps)) return keep(this.#vms, ref, vm)
    const believe = () => {
      keep(this.#vms, ref, vm)
      this.#tell()
    }
    this.#replacing.set(ref, systemClock.after(REPLACING_MS, believe))
  }

  #tell(): void {
    for (const { name, state, sinceMs, containers } of this.vms()) {
      if (Number.isNaN(sinceMs) || state === 'monitored' || containers === undefined) this.#lostMs.delete(name)
      else if (!this.#lostMs.has(name)) this.#lostMs.set(name, sinceMs)
    }
    for (const listener of this.#listeners) listener()
  }

  /** Documents are parsed once per record. */
  #viewOf(vm: Vm): VmView {
    const view = this.#views.get(vm) ?? vmView(vm)
    this.#views.set(vm, view)
    return { ...view, host: this.#hosts.get(vm.residentOn ?? '') ?? '' }
  }
}

function keep<T>(map: Map<string, T>, ref: string, value: T | undefined): void {
  if (value === undefined) map.delete(ref)
  else map.set(ref, value)
}

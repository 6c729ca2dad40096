import { systemClock, type Clock } from '../../src/base/clock.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { ContainerEntry } from '../../src/documents/container-entry.ts'
import { KEY, type Fields } from '../../src/model/fields.ts'
import type { VmRecord } from '../../src/model/vm.ts'
import { readList } from '../../src/observations/ps.ts'
import type { VmContext } from '../../src/operations/operation.ts'
import { LIMITS } from '../engine/in-memory-engine.ts'
import { engineStream } from '../sim/guest/engine-bridge.ts'
import { EngineSim, type EngineOptions } from '../sim/guest/engine-sim.ts'

export const SIGNAL = new AbortController().signal

export function vmRecord(change: Partial<VmRecord> = {}): VmRecord {
  return {
    ref: 'OpaqueRef:vm',
    uuid: '3f9b2c1e-7d9a-4a53-9b1c-0d5a6c8e7f10',
    name: 'shop',
    powerState: 'Running',
    residentOn: 'OpaqueRef:host',
    isControlDomain: false,
    isTemplate: false,
    isSnapshot: false,
    otherConfig: { [KEY.monitor]: 'True' },
    networks: {},
    ...change,
  }
}

/** What operations use of a daemon, with a simulated engine behind it. What they do with it is in `done`, in order. */
export class FakeContext implements VmContext {
  readonly clock: Clock = systemClock
  vm: VmRecord = vmRecord()
  pool: Fields = {}
  readonly sim: EngineSim
  readonly done: string[] = []
  /** Makes these methods fail. */
  readonly failing = new Map<'engine' | 'refreshList' | 'tell', Error>()
  #engine: Promise<Engine> | undefined

  constructor(options: EngineOptions = {}) {
    this.sim = new EngineSim({ listLagMs: false, ...options })
  }

  engine(signal: AbortSignal): Promise<Engine> {
    const failure = this.failing.get('engine')
    if (failure !== undefined) return Promise.reject(failure)
    const openStream = () => Promise.resolve(engineStream(this.sim))
    this.#engine ??= Engine.open({ clock: this.clock, openStream }, LIMITS, signal)
    return this.#engine
  }

  async refreshList(signal: AbortSignal): Promise<readonly ContainerEntry[] | undefined> {
    await this.#do('refreshList', 'refreshList')
    return readList(await (await this.engine(signal)).list(signal)).entries
  }

  setKeys(keys: Readonly<Record<string, string | undefined>>): Promise<void> {
    this.done.push(`setKeys ${JSON.stringify(keys, (_key, value: unknown) => value ?? null)}`)
    return Promise.resolve()
  }

  poolConfig(): Promise<Fields> {
    return Promise.resolve(this.pool)
  }

  tell(title: string, body: string): Promise<void> {
    return this.#do('tell', `tell ${title}: ${body}`)
  }

  #do(method: 'refreshList' | 'tell', what: string): Promise<void> {
    this.done.push(what)
    const failure = this.failing.get(method)
    return failure === undefined ? Promise.resolve() : Promise.reject(failure)
  }
}

/** What a promise was rejected with. */
export function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

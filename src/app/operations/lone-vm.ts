import type { Clock } from '../../base/clock.ts'
import { RefusedError } from '../../base/errors.ts'
import type { ContainerEntry } from '../../documents/container-entry.ts'
import { Engine } from '../../engine/engine.ts'
import { KEY, LIVE_KEYS, type Fields } from '../../model/fields.ts'
import type { GuestLink, Target, Transport } from '../../model/guest.ts'
import type { VmRecord } from '../../model/vm.ts'
import { desired } from '../../monitor/desired.ts'
import { ps } from '../../observations/ps.ts'
import type { VmContext } from '../../operations/operation.ts'
import { CANNOT_MONITOR } from '../../publish/notices.ts'
import { planWrites } from '../../publish/plan-writes.ts'
import { XapiMessages } from '../../xapi/messages.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { VmFields } from '../../xapi/vm-fields.ts'
import { fieldsOf } from '../../xapi/vm-record.ts'
import type { Config } from '../config.ts'
import type { VmFacts } from '../doctor/vm-facts.ts'
import { ENGINE_LIMITS } from '../monitored-guest.ts'
import type { ProcessSlots } from './process-slots.ts'
import { writesFor } from './vm-writes.ts'

/** As the publisher does: whoever waited for events is then busy with the stamp's. */
const STAMP_LEAD_MS = 20
/** An engine may list the old state for a moment after it has done something (measured: 106 ms). */
const RELOOK_MS = 150
/** Each turn takes some 50 ms. */
const PATIENCE_MS = 20_000

export interface LoneVmDeps {
  readonly clock: Clock
  readonly session: Pick<XapiSession, 'call' | 'burst'>
  readonly config: Config
  readonly myHost: string
  readonly transport: Transport
  /** Whose turn it is to look at the list and write it. */
  readonly listings: Pick<ProcessSlots, 'pass'>
}

/** A VM for one operation without a daemon, by a connection of its own. */
export class LoneVm implements VmContext {
  readonly clock: Clock
  readonly vm: VmRecord
  readonly #deps: LoneVmDeps
  readonly #facts: VmFacts
  readonly #fields: VmFields
  #engine: Promise<Engine> | undefined
  #link: GuestLink | undefined

  constructor(deps: LoneVmDeps, facts: VmFacts) {
    this.#deps = deps
    this.#facts = facts
    this.#fields = new VmFields(deps.session)
    this.clock = deps.clock
    this.vm = facts.vm
  }

  engine(signal: AbortSignal): Promise<Engine> {
    this.#engine ??= this.#connect(signal)
    return this.#engine
  }

  /** In turn with other processes: whoever writes last must have looked last. */
  refreshList(signal: AbortSignal): Promise<readonly ContainerEntry[] | undefined> {
    return this.#deps.listings.pass(this.vm.uuid, PATIENCE_MS, signal, () => this.#refreshNow(signal))
  }

  /** Only where somebody has published a list: nobody would renew what nobody monitors. */
  async #refreshNow(signal: AbortSignal): Promise<readonly ContainerEntry[] | undefined> {
    const before = await this.#otherConfig(signal)
    if (LIVE_KEYS.every((key) => before[key] === undefined)) return undefined
    const engine = await this.engine(signal)
    let seen = await this.#look(engine, signal)
    if (seen.value === before[KEY.ps]) {
      await this.clock.sleep(RELOOK_MS, signal)
      seen = await this.#look(engine, signal)
    }
    const now = new Date(this.clock.now()).toISOString()
    const { stamp, writes } = planWrites(before, new Map([[KEY.ps, seen.value]]), now)
    if (stamp.length > 0) {
      await this.#fields.apply(this.vm.ref, stamp, signal)
      await this.clock.sleep(STAMP_LEAD_MS, signal)
    }
    await this.#fields.apply(this.vm.ref, writes, signal)
    return seen.entries
  }

  async setKeys(keys: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void> {
    await this.#fields.apply(this.vm.ref, writesFor(keys, await this.#otherConfig(signal)), signal)
    // With the status goes what would tell the next monitor that there may be a message about it.
    if (KEY.status in keys && keys[KEY.status] === undefined) await this.#destroyMessages(signal)
  }

  async #destroyMessages(signal: AbortSignal): Promise<void> {
    const messages = new XapiMessages(this.#deps.session)
    const found = await messages.find(this.vm.uuid, CANNOT_MONITOR, signal)
    for (const ref of found) await messages.destroy(ref, signal)
  }

  poolConfig(signal: AbortSignal): Promise<Fields> {
    return new XapiSecrets(this.#deps.session).poolConfig(signal)
  }

  async tell(title: string, body: string, signal: AbortSignal): Promise<void> {
    await new XapiMessages(this.#deps.session).create(this.vm.uuid, title, body, signal)
  }

  close(): void {
    this.#link?.close()
  }

  async #connect(signal: AbortSignal): Promise<Engine> {
    const target = this.#target()
    const link = await this.#deps.transport.connect(target, signal)
    this.#link = link
    await this.#pin(target, link.facts.hostKey, signal)
    const openStream = (inTime: AbortSignal) => link.openStream(inTime)
    return Engine.open({ clock: this.clock, openStream }, ENGINE_LIMITS, signal)
  }

  #target(): Target {
    const { vm, rules } = this.#facts
    const wanted = desired(vm, { myHost: this.#deps.myHost, amCoordinator: false }, rules)
    if (!wanted.watch) throw notMonitored(vm)
    if (wanted.problem !== undefined) throw new RefusedError(wanted.problem)
    return wanted.target
  }

  /** At first contact, as the daemon does. */
  async #pin(target: Target, hostKey: string | undefined, signal: AbortSignal): Promise<void> {
    if (target.pinnedHostKey !== undefined || hostKey === undefined) return
    await this.setKeys({ [KEY.hostKey]: hostKey, [KEY.hostKeyOwner]: this.vm.uuid }, signal)
  }

  async #look(engine: Engine, signal: AbortSignal): Promise<{ value: string; entries: readonly ContainerEntry[] }> {
    const context = { previous: undefined, running: [], monotonicMs: this.clock.monotonic() }
    const { value_budget_bytes } = this.#deps.config.monitor
    const list = await ps.observe(engine, context, signal)
    return { value: ps.encode(list, value_budget_bytes), entries: list.entries }
  }

  async #otherConfig(signal: AbortSignal): Promise<Fields> {
    return fieldsOf(await this.#deps.session.call('VM.get_other_config', [this.vm.ref], signal), () => true)
  }
}

function notMonitored({ uuid }: VmRecord): RefusedError {
  return new RefusedError({
    kind: 'not-monitored',
    cause: `VM ${uuid} is not registered for container management, or not running on this host`,
    cure: `Start it, and register it: xscontainer register ${uuid}`,
  })
}

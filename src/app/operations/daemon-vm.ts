import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { TransientError } from '../../base/errors.ts'
import type { ContainerEntry } from '../../documents/container-entry.ts'
import type { Engine } from '../../engine/engine.ts'
import { KEY, type Fields } from '../../model/fields.ts'
import type { VmRecord } from '../../model/vm.ts'
import type { ContainerList } from '../../observations/ps.ts'
import type { VmContext } from '../../operations/operation.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import { fieldsOf } from '../../xapi/vm-record.ts'
import type { DaemonHostDeps } from './daemon-host.ts'
import { sooner } from './sooner.ts'

/** A look, and XAPI's writes: whoever did something waits for it. */
const REFRESH_MS = 20_000

/** A VM that the daemon may monitor, by the connection that it holds. */
export class DaemonVm implements VmContext {
  readonly clock: Clock
  readonly vm: VmRecord
  readonly #deps: DaemonHostDeps

  constructor(deps: DaemonHostDeps, vm: VmRecord) {
    this.#deps = deps
    this.clock = deps.clock
    this.vm = vm
  }

  async engine(signal: AbortSignal): Promise<Engine> {
    // One that was registered or started a moment ago.
    const guest = await sooner(this.clock, () => this.#deps.guest(this.vm.ref), signal)
    if (guest === undefined) throw this.#notMonitored()
    return (await guest.hold(signal)).engine
  }

  /** Does nothing for a VM that is not being monitored: there is no list then. */
  async refreshList(signal: AbortSignal): Promise<readonly ContainerEntry[] | undefined> {
    const held = this.#deps.guest(this.vm.ref)?.held
    if (held === undefined) return undefined
    const late = {
      kind: 'refresh-timeout',
      cause: `The new container list of VM ${this.vm.uuid} was not there within ${REFRESH_MS / 1000} s`,
      cure: 'It comes by itself once the guest and XAPI answer; see xscontainer status',
    }
    return within(this.clock, REFRESH_MS, signal, late, async (inTime) => {
      await held.watch.refresh()
      const seen = held.watch.lastList?.value as ContainerList | undefined
      await this.#deps.publisher.settle(this.vm.ref, inTime)
      return seen?.entries
    })
  }

  async setKeys(keys: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void> {
    const { store, publisher, guest } = this.#deps
    // Whatever XAPI has told: what was written a moment ago, by the publisher for example, is not in that.
    const writes = Object.entries(keys).map(([key, value]) => ({ key, value, replaces: true }))
    await store.apply(this.vm.ref, writes, signal)
    if (keys[KEY.monitor] === undefined || keys[KEY.monitor] === 'True') return
    // Until then its documents might come back.
    await sooner(this.clock, () => guest(this.vm.ref) === undefined || undefined, signal)
    await publisher.settle(this.vm.ref, signal)
  }

  /** Asked of XAPI: few operations need it, and the pool has many keys that are not ours. */
  async poolConfig(signal: AbortSignal): Promise<Fields> {
    const { session, watch } = this.#deps
    const pool = watch.pool()?.ref
    if (pool === undefined) return new XapiSecrets(session).poolConfig(signal)
    return fieldsOf(await session.call('pool.get_other_config', [pool], signal), () => true)
  }

  async tell(title: string, body: string, signal: AbortSignal): Promise<void> {
    await this.#deps.store.create(this.vm.uuid, title, body, signal)
  }

  #notMonitored(): TransientError {
    return new TransientError({
      kind: 'not-monitored-yet',
      cause: `The monitor has not begun to monitor VM ${this.vm.uuid} yet`,
      cure: 'Try again in some seconds; if it stays so, see /var/log/xscontainer.log',
    })
  }
}

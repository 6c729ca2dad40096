import type { Clock } from '../../base/clock.ts'
import { TransientError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { KEY } from '../../model/fields.ts'
import type { FieldStore, MessageStore } from '../../model/stores.ts'
import type { VmRecord, VmRef } from '../../model/vm.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import type { VmContext } from '../../operations/operation.ts'
import { isFailure } from '../../xapi/errors.ts'
import type { XapiSession } from '../../xapi/session.ts'
import type { XapiVmWatch } from '../../xapi/vm-watch.ts'
import { parseVm } from '../../xapi/vm-record.ts'
import type { Config } from '../config.ts'
import type { MonitoredGuest } from '../monitored-guest.ts'
import { noSuchVm, vmElsewhere } from '../vm-errors.ts'
import { DaemonVm } from './daemon-vm.ts'
import type { HostContext } from './host-operation.ts'
import { listedVm } from './listed-vm.ts'
import { sooner } from './sooner.ts'
import type { Spend } from '../../publish/spend.ts'
import { spendDocument, type SpendDocument } from '../spend-document.ts'

export interface DaemonHostDeps {
  readonly clock: Clock
  readonly log: Log
  readonly config: Config
  readonly session: Pick<XapiSession, 'call' | 'burst' | 'reference'>
  readonly watch: Pick<XapiVmWatch, 'get' | 'all' | 'pool'>
  /** The session of a VM that is monitored. */
  readonly guest: (ref: VmRef) => MonitoredGuest | undefined
  readonly publisher: {
    settle(ref: VmRef, signal: AbortSignal): Promise<void>
    writesOf(ref: VmRef): number
    readonly spend: Pick<Spend, 'last'>
    readonly backlog: number
  }
  readonly store: FieldStore & Pick<MessageStore, 'create'>
  /** XAPI's ref of this host; empty while it is not known. */
  readonly hostRef: () => string
}

/** This host as the daemon knows it: operations use the connections that it holds. */
export class DaemonHost implements HostContext {
  readonly isDaemon = true
  readonly clock: Clock
  readonly log: Log
  readonly config: Config
  readonly session: Pick<XapiSession, 'call' | 'burst' | 'reference'>
  readonly #deps: DaemonHostDeps

  constructor(deps: DaemonHostDeps) {
    this.#deps = deps
    this.clock = deps.clock
    this.log = deps.log
    this.config = deps.config
    this.session = deps.session
  }

  spend(): SpendDocument {
    return spendDocument(this.#deps.publisher, this.config.monitor.writes_per_s)
  }

  async myHost(signal: AbortSignal): Promise<string> {
    const known = await sooner(this.clock, () => this.#deps.hostRef() || undefined, signal)
    if (known === undefined) throw starting()
    return known
  }

  async vm(uuid: string, signal: AbortSignal): Promise<VmContext> {
    const myHost = await this.myHost(signal)
    const [found = await this.#asked(uuid, signal)] = [...this.#deps.watch.all()].filter((vm) => vm.uuid === uuid)
    const here = isSettled(found, myHost) ? found : await this.#asked(uuid, signal)
    if (here.residentOn !== undefined && here.residentOn !== myHost) throw vmElsewhere(uuid)
    return new DaemonVm(this.#deps, here)
  }

  async list(signal: AbortSignal): Promise<readonly ListedVm[]> {
    const myHost = await this.myHost(signal)
    return [...this.#deps.watch.all()]
      .filter((vm) => vm.residentOn === myHost && vm.otherConfig[KEY.monitor] === 'True')
      .filter((vm) => !vm.isTemplate && !vm.isSnapshot && !vm.isControlDomain)
      .map((vm) => listedVm(vm, this.#deps.guest(vm.ref), this.#deps.publisher.writesOf(vm.ref), this.clock))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.uuid < b.uuid ? -1 : 1))
  }

  /** What XAPI says now: what it told last may be older than what somebody has just done. */
  async #asked(uuid: string, signal: AbortSignal): Promise<VmRecord> {
    try {
      const ref = String(await this.session.call('VM.get_by_uuid', [uuid], signal))
      const part = parseVm(ref, await this.session.call('VM.get_record', [ref], signal))
      if (part !== undefined) return { ...part.record, networks: this.#deps.watch.get(ref)?.networks ?? {} }
    } catch (error) {
      if (!isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) throw error
    }
    throw noSuchVm(uuid)
  }
}

/** Whether nothing that somebody may just have changed would be in the way. */
function isSettled(vm: VmRecord, myHost: string): boolean {
  return vm.residentOn === myHost && vm.powerState === 'Running' && vm.otherConfig[KEY.monitor] === 'True'
}

function starting(): TransientError {
  return new TransientError({
    kind: 'daemon-starting',
    cause: 'The monitor of this host waits for XAPI and does not know the VMs yet',
    cure: 'Check that the toolstack runs (systemctl status xapi), then try again',
  })
}

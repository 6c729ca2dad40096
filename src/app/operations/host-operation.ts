import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import type { Args, VmContext } from '../../operations/operation.ts'
import type { XapiSession } from '../../xapi/session.ts'
import type { Config } from '../config.ts'
import type { SpendDocument } from '../spend-document.ts'

/** What operations may use on this host: in the daemon, or in a process of its own without one. */
export interface HostContext {
  readonly clock: Clock
  readonly log: Log
  readonly config: Config
  readonly session: Pick<XapiSession, 'call' | 'burst' | 'reference'>
  /** Whether this is the daemon. */
  readonly isDaemon: boolean
  /** XAPI's ref of this host. */
  myHost(signal: AbortSignal): Promise<string>
  /** The context of operations about a VM of this host. Rejects with kind `vm-elsewhere` when it is not this host's. */
  vm(uuid: string, signal: AbortSignal): Promise<VmContext>
  /** What the monitor costs XAPI; not there without one. */
  readonly spend?: () => SpendDocument
  /** The registered VMs of this host. */
  list(signal: AbortSignal): Promise<readonly ListedVm[]>
}

/** One thing that clients can ask this host for. */
export interface HostOperation {
  readonly name: string
  /** Arguments that must be there and not empty. */
  readonly args: readonly string[]
  /** The payload. Rejects with a DiagnosedError that says cause and cure. */
  run(host: HostContext, args: Args, signal: AbortSignal): Promise<string>
}

import type { Fields } from './fields.ts'

/** XAPI's opaque reference of a VM. */
export type VmRef = string

export type PowerState = 'Halted' | 'Paused' | 'Running' | 'Suspended'

/** What this product needs to know of a VM, checked and cut down from XAPI's record. */
export interface VmRecord {
  readonly ref: VmRef
  readonly uuid: string
  readonly name: string
  readonly powerState: PowerState
  /** Host ref, or undefined while the VM is on none. */
  readonly residentOn: string | undefined
  readonly isControlDomain: boolean
  readonly isTemplate: boolean
  readonly isSnapshot: boolean
  readonly otherConfig: Fields
  /** VM_guest_metrics.networks: written by the guest, so anything may be in it. Empty when there are none. */
  readonly networks: Fields
}

/** Says which VMs changed, and what they are now. */
export interface VmWatch {
  /** Runs until `signal` aborts. `changed` is told refs only: read the record with `get`. */
  run(changed: (ref: VmRef) => void, signal: AbortSignal): Promise<void>
  get(ref: VmRef): VmRecord | undefined
  all(): Iterable<VmRecord>
}

import type { Database } from './database.ts'
import type { Message, Messages } from './messages.ts'
import { pairsOf, plainRecord, type PlainValue } from './plain-value.ts'
import type { PoolObjects } from './pool-objects.ts'
import type { Row } from './row.ts'
import type { SimHost } from './sim-host.ts'
import { cloneVm, destroyVm, snapshotVm } from './vm-copies.ts'
import { addDisk, addVif, makeVm } from './vm-factory.ts'
import {
  atOnce, migrateVm, newGuestMetrics, pauseVm, rebootVm, reportNetworks, resumeVm, startVm, stopVm, suspendVm,
} from './vm-lifecycle.ts' // prettier-ignore
import { NULL_REF, type Pair } from './xapi-types.ts'

export type VmPowerState = 'Halted' | 'Paused' | 'Running' | 'Suspended'

/** A VM of the pool; every helper takes it or its bare ref. */
export interface SimVm {
  readonly ref: string
  readonly uuid: string
}

export type VmArg = string | Pick<SimVm, 'ref'>

export interface VmOptions {
  readonly name: string
  /** Where it is; the first host unless said otherwise. Its home when it is not running. */
  readonly host?: SimHost
  /** Running unless said otherwise. */
  readonly powerState?: VmPowerState
  /** Added to what every VM has in other_config. */
  readonly otherConfig?: Readonly<Record<string, string>>
  /** What the guest's agent reports: `0/ip` and so on. Nothing by default. */
  readonly networks?: Readonly<Record<string, string>>
  /** Refs of the networks of its VIFs, in the order of their device numbers; the pool's network by default. */
  readonly vifs?: readonly string[]
  /** False: no guest metrics at all. */
  readonly guestTools?: boolean
  readonly template?: boolean
}

/** What a test or a trial does to the pool by hand, past any API call: it causes events, but no statistics. */
export abstract class PoolHelpers {
  readonly db: Database
  readonly objects: PoolObjects
  protected readonly messages: Messages
  abstract readonly hosts: readonly SimHost[]

  constructor(db: Database, objects: PoolObjects, messages: Messages) {
    this.db = db
    this.objects = objects
    this.messages = messages
  }

  createVm(options: VmOptions): SimVm {
    const { db } = this
    const powerState = options.powerState ?? 'Running'
    const home = (options.host ?? this.hosts[0])?.ref ?? NULL_REF
    const onHost = powerState === 'Running' || powerState === 'Paused'
    const vm = makeVm(db, {
      fields: {
        name_label: options.name,
        is_a_template: options.template ?? false,
        affinity: home,
        power_state: powerState,
        resident_on: onHost ? home : NULL_REF,
        domid: onHost ? String(db.table('VM').rows.size) : '-1',
      },
      guestTools: options.guestTools ?? true,
    })
    db.set(vm, 'other_config', [...(vm.get('other_config') as readonly Pair[]), ...pairsOf(options.otherConfig ?? {})])
    for (const network of options.vifs ?? [this.objects.network]) addVif(db, vm, network)
    addDisk(db, vm, this.objects.sr)
    if (options.guestTools !== false) reportNetworks(db, vm, pairsOf(options.networks ?? {}))
    return { ref: vm.ref, uuid: vm.text('uuid') }
  }

  /** Goes to the state the way XAPI does; a VM that starts does so on its last home unless a host is given. */
  setPower(vm: VmArg, state: VmPowerState, host?: SimHost): void {
    const row = this.vm(vm)
    const before = row.text('power_state')
    const home = host?.ref ?? row.text('affinity')
    if (before === state) return
    if (state === 'Halted') return atOnce(stopVm(this.db, row))
    if (before === 'Suspended') atOnce(resumeVm(this.db, row, home))
    else if (before === 'Halted') atOnce(startVm(this.db, row, home))
    if (state === 'Suspended') atOnce(suspendVm(this.db, row))
    else atOnce(pauseVm(this.db, row, state === 'Paused'))
  }

  /** power_state stays Running, resident_on changes. */
  migrate(vm: VmArg, host: SimHost): void {
    atOnce(migrateVm(this.db, this.vm(vm), host.ref))
    this.db.set(this.vm(vm), 'affinity', host.ref)
  }

  reboot(vm: VmArg): void {
    atOnce(rebootVm(this.db, this.vm(vm)))
  }

  /** The guest's agent reports other addresses: an event of class vm_guest_metrics only. */
  setAddresses(vm: VmArg, networks: Readonly<Record<string, string>>): void {
    reportNetworks(this.db, this.vm(vm), pairsOf(networks))
  }

  /** The guest's agent starts: guest metrics for a VM that has none, or new ones. */
  replaceGuestMetrics(vm: VmArg, networks: Readonly<Record<string, string>>): void {
    newGuestMetrics(this.db, this.vm(vm))
    this.setAddresses(vm, networks)
  }

  destroyVm(vm: VmArg): void {
    destroyVm(this.db, this.vm(vm))
  }

  cloneVm(vm: VmArg, name: string): SimVm {
    return handle(cloneVm(this.db, this.vm(vm), name))
  }

  snapshotVm(vm: VmArg, name: string): SimVm {
    return handle(snapshotVm(this.db, this.vm(vm), name))
  }

  /** The record as it is now, or undefined when the object is gone. Maps are objects, ints numbers. */
  record(cls: string, ref: string): Record<string, PlainValue> | undefined {
    const row = this.db.find(cls, ref)
    return row === undefined ? undefined : plainRecord(row)
  }

  otherConfig(vm: VmArg): Record<string, string> {
    return Object.fromEntries(this.vm(vm).get('other_config') as readonly (readonly [string, string])[])
  }

  /** Sets one key of other_config in one write, undefined removes it; the order of the others stays. */
  setOtherConfigKey(vm: VmArg, key: string, value: string | undefined): void {
    this.setMapKey('VM', this.vm(vm).ref, 'other_config', key, value)
  }

  /** Sets one key of any object's map field in one write, undefined removes it. */
  setMapKey(cls: string, ref: string, field: string, key: string, value: string | undefined): void {
    const row = this.db.row(cls, ref)
    const others = (row.get(field) as readonly Pair[]).filter((pair) => pair[0] !== key)
    this.db.set(row, field, value === undefined ? others : [...others, [key, value]])
  }

  allMessages(): readonly Message[] {
    return this.messages.all()
  }

  private vm(vm: VmArg): Row {
    return this.db.row('VM', typeof vm === 'string' ? vm : vm.ref)
  }
}

function handle(row: Row): SimVm {
  return { ref: row.ref, uuid: row.text('uuid') }
}

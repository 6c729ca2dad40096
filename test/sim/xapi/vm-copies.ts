import { randomUUID } from 'node:crypto'

import type { Database } from './database.ts'
import { isoDate } from './iso-date.ts'
import type { Row } from './row.ts'
import { NULL_REF, type Value } from './xapi-types.ts'

/** A halted copy with everything a VM's record says of it, other_config included, and VIFs of its own. */
export function cloneVm(db: Database, vm: Row, name: string): Row {
  return copyVm(db, vm, name, {})
}

/** A copy that is template and snapshot at once. */
export function snapshotVm(db: Database, vm: Row, name: string): Row {
  return copyVm(db, vm, name, {
    is_a_template: true,
    is_a_snapshot: true,
    snapshot_of: vm.ref,
    snapshot_time: isoDate(new Date()),
    transportable_snapshot_id: randomUUID(),
    snapshot_info: [
      ['power-state-at-snapshot', vm.text('power_state')],
      ['disk-snapshot-type', 'Crash_consistent'],
    ],
  })
}

/** Removes the VM with its VIFs, VBDs and metrics. */
export function destroyVm(db: Database, vm: Row): void {
  for (const ref of vm.get('VIFs') as readonly string[]) removeIfThere(db, 'VIF', ref)
  for (const ref of vm.get('VBDs') as readonly string[]) removeIfThere(db, 'VBD', ref)
  removeIfThere(db, 'VM_metrics', vm.text('metrics'))
  removeIfThere(db, 'VM_guest_metrics', vm.text('guest_metrics'))
  db.remove(vm)
}

/** A locally administered MAC address out of nothing. */
export function randomMac(): string {
  const bytes = randomUUID().replaceAll('-', '').slice(0, 8)
  return `02:16:${bytes.slice(0, 2)}:${bytes.slice(2, 4)}:${bytes.slice(4, 6)}:${bytes.slice(6, 8)}`
}

function copyVm(db: Database, vm: Row, name: string, changes: Readonly<Record<string, Value>>): Row {
  const copy = db.create('VM', {
    ...fieldsOf(vm),
    name_label: name,
    is_default_template: false,
    power_state: 'Halted',
    resident_on: NULL_REF,
    domid: '-1',
    VIFs: [],
    VBDs: [],
    snapshots: [],
    children: [],
    parent: NULL_REF,
    current_operations: [],
    metrics: copyOf(db, 'VM_metrics', vm.text('metrics')),
    guest_metrics: copyOf(db, 'VM_guest_metrics', vm.text('guest_metrics')),
    ...changes,
  })
  for (const ref of vm.get('VIFs') as readonly string[]) {
    const vif = db.find('VIF', ref)
    if (vif !== undefined)
      db.create('VIF', { ...fieldsOf(vif), VM: copy.ref, MAC: randomMac(), currently_attached: false })
  }
  return copy
}

/** All fields but the identity. */
function fieldsOf(row: Row): Record<string, Value> {
  return Object.fromEntries([...row.fields].filter(([name]) => name !== 'uuid'))
}

function copyOf(db: Database, cls: string, ref: string): string {
  const row = db.find(cls, ref)
  return row === undefined ? NULL_REF : db.create(cls, fieldsOf(row)).ref
}

function removeIfThere(db: Database, cls: string, ref: string): void {
  const row = db.find(cls, ref)
  if (row !== undefined) db.remove(row)
}

import { randomUUID } from 'node:crypto'

import type { Database } from './database.ts'
import { isoDate } from './iso-date.ts'
import type { Row } from './row.ts'
import { NULL_REF, type Value } from './xapi-types.ts'

/** A change of a VM in XAPI's order of writes; pauses where XAPI does something else for a while. */
export type Steps = Generator<void, void>

/** Carries all steps out at once. */
export function atOnce(steps: Steps): void {
  while (steps.next().done !== true);
}

/** Carries the steps out with a little time between them, so that others can see the states in between. */
export async function stepByStep(steps: Steps, pauseMs = 3): Promise<void> {
  while (steps.next().done !== true) await new Promise((resolve) => setTimeout(resolve, pauseMs))
}

export function* startVm(db: Database, vm: Row, host: string): Steps {
  const networks = networksOf(db, vm)
  db.set(vm, 'resident_on', host)
  boot(db, vm)
  yield
  attachDevices(db, vm, true)
  db.set(vm, 'power_state', 'Running')
  yield
  reportNetworks(db, vm, networks)
}

/** The last addresses stay readable in a halted VM's guest metrics. */
export function* stopVm(db: Database, vm: Row): Steps {
  db.set(vm, 'power_state', 'Halted')
  yield
  attachDevices(db, vm, false)
  yield
  leaveHost(db, vm)
}

export function* suspendVm(db: Database, vm: Row): Steps {
  db.set(vm, 'power_state', 'Suspended')
  yield
  leaveHost(db, vm)
}

export function* resumeVm(db: Database, vm: Row, host: string): Steps {
  db.set(vm, 'resident_on', host)
  db.set(vm, 'domid', nextDomid(db))
  yield
  db.set(vm, 'power_state', 'Running')
}

export function* pauseVm(db: Database, vm: Row, pause: boolean): Steps {
  yield
  db.set(vm, 'power_state', pause ? 'Paused' : 'Running')
}

/** The domain is built anew in place: power_state stays Running, the guest's report starts from nothing. */
export function* rebootVm(db: Database, vm: Row): Steps {
  const networks = networksOf(db, vm)
  boot(db, vm)
  yield
  reportNetworks(db, vm, networks)
}

export function* migrateVm(db: Database, vm: Row, host: string): Steps {
  db.set(vm, 'scheduled_to_be_resident_on', host)
  yield
  db.set(vm, 'resident_on', host)
  db.set(vm, 'scheduled_to_be_resident_on', NULL_REF)
  db.set(vm, 'domid', nextDomid(db))
}

/** Replaces what the guest says about its networks; makes guest metrics for a VM without. */
export function reportNetworks(db: Database, vm: Row, networks: readonly Value[]): void {
  const metrics = db.find('VM_guest_metrics', vm.text('guest_metrics')) ?? newGuestMetrics(db, vm)
  db.set(metrics, 'networks', networks)
}

export function networksOf(db: Database, vm: Row): readonly Value[] {
  return (db.find('VM_guest_metrics', vm.text('guest_metrics'))?.get('networks') ?? []) as readonly Value[]
}

/** A fresh object in place of the old one, as at every start. */
export function newGuestMetrics(db: Database, vm: Row): Row {
  const before = db.find('VM_guest_metrics', vm.text('guest_metrics'))
  const metrics = db.create('VM_guest_metrics', {
    os_version: [
      ['name', 'Debian GNU/Linux 12 (bookworm)'],
      ['uname', '6.1.0-25-amd64'],
      ['distro', 'debian'],
      ['major', '12'],
      ['minor', '7'],
    ],
    PV_drivers_version: [
      ['major', '8'],
      ['minor', '4'],
      ['micro', '0'],
      ['build', '1'],
    ],
    PV_drivers_up_to_date: true,
    PV_drivers_detected: true,
    live: true,
    can_use_hotplug_vbd: 'yes',
    can_use_hotplug_vif: 'yes',
    other: [
      ['feature-suspend', '1'],
      ['feature-poweroff', '1'],
      ['feature-reboot', '1'],
      ['feature-vcpu-hotplug', '1'],
      ['feature-balloon', '1'],
      ['platform-feature-multiprocessor-suspend', '1'],
    ],
    last_updated: isoDate(new Date()),
  })
  db.set(vm, 'guest_metrics', metrics.ref)
  if (before !== undefined) db.remove(before)
  return metrics
}

function boot(db: Database, vm: Row): void {
  const hadTools = vm.get('guest_metrics') !== NULL_REF
  db.set(vm, 'domid', nextDomid(db))
  if (hadTools) newGuestMetrics(db, vm)
  const metrics = db.find('VM_metrics', vm.text('metrics'))
  if (metrics !== undefined) db.set(metrics, 'start_time', isoDate(new Date()))
  db.set(vm, 'generation_id', `${randomUUID()}:${randomUUID()}`)
}

function leaveHost(db: Database, vm: Row): void {
  db.set(vm, 'resident_on', NULL_REF)
  db.set(vm, 'domid', '-1')
}

function attachDevices(db: Database, vm: Row, attached: boolean): void {
  for (const field of ['VBDs', 'VIFs'] as const) {
    for (const ref of vm.get(field) as readonly string[]) {
      const device = db.find(field.slice(0, -1), ref)
      if (device !== undefined) db.set(device, 'currently_attached', attached)
    }
  }
}

function nextDomid(db: Database): string {
  let highest = 0
  for (const vm of db.rows('VM')) highest = Math.max(highest, Number(vm.get('domid')))
  return String(highest + 1)
}

import { textArg, type Argument, type CallContext, type Method, type Methods } from './call-context.ts'
import { constructorFields } from './constructor-fields.ts'
import { stringReply, stringsReply, voidReply } from './reply.ts'
import type { Row } from './row.ts'
import { cloneVm, destroyVm, snapshotVm } from './vm-copies.ts'
import { makeVm } from './vm-factory.ts'
import {
  migrateVm,
  pauseVm,
  rebootVm,
  resumeVm,
  startVm,
  stepByStep,
  stopVm,
  suspendVm,
  type Steps,
} from './vm-lifecycle.ts'
import { XapiError } from './xapi-error.ts'
import { NULL_REF } from './xapi-types.ts'

/** What a trial by hand wants to do to VMs. */
export const vmMethods: Methods = {
  'VM.create'(call, args) {
    const fields = constructorFields(call.method.cls, args[0])
    return stringReply(makeVm(call.world.db, { fields, guestTools: false }).ref)
  },
  'VM.destroy'(call, args) {
    destroyVm(call.world.db, inState(call, args, 'Halted'))
    return voidReply
  },
  'VM.clone': (call, args) => {
    const vm = inState(call, args, 'Halted', 'Suspended')
    return stringReply(cloneVm(call.world.db, vm, textArg(args, 1)).ref)
  },
  'VM.copy': (call, args) => {
    return stringReply(cloneVm(call.world.db, inState(call, args, 'Halted', 'Suspended'), textArg(args, 1)).ref)
  },
  'VM.snapshot': (call, args) => stringReply(snapshotVm(call.world.db, self(call, args), textArg(args, 1)).ref),
  'VM.provision'(call, args) {
    call.world.db.set(self(call, args), 'is_a_template', false)
    return voidReply
  },
  'VM.start': lifecycle(['Halted'], (call, vm) => startVm(call.world.db, notTemplate(vm), homeOf(call, vm))),
  'VM.start_on': lifecycle(['Halted'], (call, vm, args) => startVm(call.world.db, notTemplate(vm), host(call, args))),
  'VM.resume': lifecycle(['Suspended'], (call, vm) => resumeVm(call.world.db, vm, homeOf(call, vm))),
  'VM.resume_on': lifecycle(['Suspended'], (call, vm, args) => resumeVm(call.world.db, vm, host(call, args))),
  'VM.clean_shutdown': lifecycle(['Running'], (call, vm) => stopVm(call.world.db, vm)),
  'VM.shutdown': lifecycle(['Running', 'Paused', 'Suspended'], (call, vm) => stopVm(call.world.db, vm)),
  'VM.hard_shutdown': lifecycle(['Running', 'Paused', 'Suspended'], (call, vm) => stopVm(call.world.db, vm)),
  'VM.power_state_reset': lifecycle([], (call, vm) => stopVm(call.world.db, vm)),
  'VM.clean_reboot': lifecycle(['Running'], (call, vm) => rebootVm(call.world.db, vm)),
  'VM.hard_reboot': lifecycle(['Running', 'Paused'], (call, vm) => rebootVm(call.world.db, vm)),
  'VM.suspend': lifecycle(['Running'], (call, vm) => suspendVm(call.world.db, vm)),
  'VM.pause': lifecycle(['Running'], (call, vm) => pauseVm(call.world.db, vm, true)),
  'VM.unpause': lifecycle(['Paused'], (call, vm) => pauseVm(call.world.db, vm, false)),
  'VM.pool_migrate': lifecycle(['Running', 'Paused'], (call, vm, args) =>
    migrateVm(call.world.db, vm, host(call, args)),
  ),
  'VM.get_possible_hosts': (call) => stringsReply(call.world.hosts.map((candidate) => candidate.ref)),
  'VM.update_allowed_operations': () => voidReply,
  'VM.assert_operation_valid': () => voidReply,
  'VM.assert_can_boot_here': () => voidReply,
  'VM.get_allowed_VIF_devices': (call, args) => stringsReply(freeDevices(call, self(call, args), 'VIFs', 'device')),
  'VM.get_allowed_VBD_devices': (call, args) => stringsReply(freeDevices(call, self(call, args), 'VBDs', 'userdevice')),
}

type Plan = (call: CallContext, vm: Row, args: readonly Argument[]) => Steps

/** A method that changes the power state or the host; refused unless the VM is in one of the states. */
function lifecycle(states: readonly string[], plan: Plan): Method {
  return async (call, args) => {
    const vm = inState(call, args, ...states)
    await stepByStep(plan(call, vm, args))
    return voidReply
  }
}

function self(call: CallContext, args: readonly Argument[]): Row {
  return call.world.db.row('VM', textArg(args, 0))
}

function inState(call: CallContext, args: readonly Argument[], ...states: readonly string[]): Row {
  const vm = self(call, args)
  const actual = vm.text('power_state')
  if (states.length > 0 && !states.includes(actual)) {
    throw new XapiError('VM_BAD_POWER_STATE', vm.ref, (states[0] ?? '').toLowerCase(), actual.toLowerCase())
  }
  return vm
}

function notTemplate(vm: Row): Row {
  if (vm.get('is_a_template') === true) throw new XapiError('VM_IS_TEMPLATE', vm.ref)
  return vm
}

function host(call: CallContext, args: readonly Argument[]): string {
  return call.world.db.row('host', textArg(args, 1)).ref
}

/** Where a VM starts when nobody says where: its affinity, or the coordinator. */
function homeOf(call: CallContext, vm: Row): string {
  const affinity = vm.text('affinity')
  const known = affinity !== NULL_REF && call.world.db.find('host', affinity) !== undefined
  return known ? affinity : call.world.coordinator().ref
}

function freeDevices(call: CallContext, vm: Row, list: 'VIFs' | 'VBDs', field: string): string[] {
  const used = (vm.get(list) as readonly string[]).map((ref) => call.world.db.row(list.slice(0, -1), ref).text(field))
  return Array.from({ length: 7 }, (_, i) => String(i)).filter((device) => !used.includes(device))
}

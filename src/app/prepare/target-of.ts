import { RefusedError } from '../../base/errors.ts'
import { KEY } from '../../model/fields.ts'
import type { Target } from '../../model/guest.ts'
import { desired } from '../../monitor/desired.ts'
import type { VmFacts } from '../doctor/vm-facts.ts'
import { notAVm, notRunning } from '../vm-errors.ts'

/** The user that is meant: the one that was named, else the VM's, else the one that config drives make. */
export function usernameFor({ vm }: VmFacts, named: string | undefined): string {
  return named ?? (vm.otherConfig[KEY.username] || DEFAULT_USERNAME)
}

export const DEFAULT_USERNAME = 'core'

/** Whether any guest could take this for a user's name; sshd gets it as it is. */
export function isUserName(name: string): boolean {
  return /^[^\s\p{Cc}:/-][^\s\p{Cc}:/]{0,255}$/u.test(name) && name.length <= 256
}

/**
 * Where and as whom the monitor will reach the VM once it is registered with this user. Throws RefusedError when it
 * does not run, or has no address that may be dialled.
 */
export function targetOf({ vm, rules }: VmFacts, mode: 'ssh' | 'tls', username: string): Target {
  if (vm.isTemplate || vm.isSnapshot || vm.isControlDomain) throw notAVm(vm)
  if (vm.powerState !== 'Running' || vm.residentOn === undefined) throw notRunning(vm)
  const otherConfig = { ...vm.otherConfig, [KEY.monitor]: 'True', [KEY.mode]: mode, [KEY.username]: username }
  const wanted = desired({ ...vm, otherConfig }, { myHost: vm.residentOn, amCoordinator: false }, rules)
  if (!wanted.watch) throw notAVm(vm)
  const { target, problem } = wanted
  // What else is missing for mode tls is what is about to be made.
  if (problem !== undefined && problem.kind !== 'tls-secrets') throw new RefusedError(problem)
  return target
}

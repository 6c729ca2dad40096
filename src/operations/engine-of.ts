import { RefusedError } from '../base/errors.ts'
import { cleanForTerminal, cutText } from '../base/text.ts'
import type { Engine } from '../engine/engine.ts'
import { KEY } from '../model/fields.ts'
import type { VmRecord } from '../model/vm.ts'
import type { VmContext } from './operation.ts'

/** The VM's engine, or why it cannot have one: not registered (kind `not-registered`) or not running (`not-running`). */
export async function engineOf(context: VmContext, signal: AbortSignal): Promise<Engine> {
  demandMonitored(context.vm)
  return context.engine(signal)
}

/** Refuses for a VM whose engine cannot be asked anything, as engineOf does. */
export function demandMonitored(vm: VmRecord): void {
  if (vm.otherConfig[KEY.monitor] !== 'True') {
    throw new RefusedError({
      kind: 'not-registered',
      cause: `${vmName(vm)} is not registered for container management`,
      cure: 'Enable container management for it, or run "xscontainer register" with its uuid',
    })
  }
  if (vm.powerState !== 'Running') {
    throw new RefusedError({
      kind: 'not-running',
      cause: `${vmName(vm)} is ${vm.powerState.toLowerCase()}`,
      cure: 'Start or resume the VM first',
    })
  }
}

/** The VM as users know it, on one line. */
export function vmName(vm: VmRecord): string {
  return `VM "${cutText(cleanForTerminal(vm.name), 80)}" (${vm.uuid})`
}

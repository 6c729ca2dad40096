import { RefusedError } from '../../base/errors.ts'
import type { Args, OperationStream } from '../../operations/operation.ts'
import type { CliContext } from './context.ts'
import type { CliVm } from './vms.ts'

/**
 * Has an operation done about a VM, wherever it runs: by this host's monitor over the connection that it holds, without
 * a monitor by a connection of our own, on another host by its plugin through XAPI. Rejects with a DiagnosedError.
 */
export async function ask(context: CliContext, vm: CliVm, operation: string, args: Args = {}): Promise<string> {
  const all = { vmuuid: vm.uuid, ...args }
  if (isElsewhere(vm)) {
    const { askPlugin } = await import('./plugin-call.ts')
    return askPlugin(context, vm.residentOn!, operation, all)
  }
  return askHere(context, operation, all)
}

/** The same on this host, for operations that are about no VM as well. */
export async function askHere(context: CliContext, operation: string, args: Args): Promise<string> {
  const [{ callControl, ControlUnavailable }, { control }] = await Promise.all([
    import('../../control/client.ts'),
    context.config(),
  ])
  try {
    return await callControl(context, control.socket, operation, args, context.signal)
  } catch (error) {
    if (!(error instanceof ControlUnavailable)) throw error
    const { askAlone } = await import('./alone.ts')
    return askAlone(context, operation, args, error)
  }
}

/** Opens a conversation, which only the monitor of the VM's own host can do. */
export async function openHere(
  context: CliContext,
  vm: CliVm,
  operation: string,
  args: Args,
  what: string,
): Promise<OperationStream> {
  if (isElsewhere(vm)) throw elsewhere(vm, what)
  const [{ openControl, ControlUnavailable }, { control }] = await Promise.all([
    import('../../control/client.ts'),
    context.config(),
  ])
  try {
    return await openControl(context, control.socket, operation, { vmuuid: vm.uuid, ...args }, context.signal)
  } catch (error) {
    throw error instanceof ControlUnavailable ? needsMonitor(error, what) : error
  }
}

export function needsMonitor(error: { diagnosis: { kind: string; cause: string; cure: string } }, what: string) {
  const { kind, cause, cure } = error.diagnosis
  return new RefusedError({ kind, cause: `${what} needs the monitor of this host. ${cause}`, cure })
}

function isElsewhere(vm: CliVm): boolean {
  return vm.residentOn !== undefined && !vm.here
}

function elsewhere(vm: CliVm, what: string): RefusedError {
  return new RefusedError({
    kind: 'vm-elsewhere',
    cause: `The VM runs on host ${vm.host}, and ${what} works on the VM's own host only`,
    cure: `Run the same command there: ssh -t root@${vm.host} xscontainer ..`,
  })
}

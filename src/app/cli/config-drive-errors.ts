import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import type { CliVm } from './vms.ts'

export function noDrive(vm: CliVm): RefusedError {
  return new RefusedError({
    kind: 'no-config-drive',
    cause: `VM ${vm.uuid} ${cleanForTerminal(vm.name)} has no config drive`,
    cure: `Make one: xscontainer config-drive create ${vm.uuid} --sr ..`,
  })
}

/** Through XAPI such a template does not get to another host. */
export function tooLargeFor(storage: string, bytes: number): RefusedError {
  return new RefusedError({
    kind: 'template-too-large',
    cause: `Storage repository "${cleanForTerminal(storage)}" is attached to other hosts only, and a template of ${Math.ceil(bytes / 1024)} KiB is too large to be sent to one`,
    cure: 'Run the same command on one of its hosts, or choose storage that this host has',
  })
}

import type { ListDocument } from '../../operations/list-document.ts'
import type { HostOperation } from './host-operation.ts'
import { vmUuidOf } from './run-operation.ts'

/** The registered VMs of this host, or the one that `vmuuid` names, with their containers: a ListDocument. */
export const list: HostOperation = {
  name: 'list',
  args: [],

  async run(host, args, signal) {
    const uuid = vmUuidOf(args)
    // Says so when there is no such VM, or not here.
    if (uuid !== undefined) await host.vm(uuid, signal)
    const vms = await host.list(signal)
    const document: ListDocument = { vms: uuid === undefined ? vms : vms.filter((vm) => vm.uuid === uuid) }
    return JSON.stringify(document)
  },
}

import { diagnoseVm } from '../doctor/diagnose-vm.ts'
import type { HostOperation } from './host-operation.ts'
import { vmUuidOf } from './run-operation.ts'

/** Walks from XAPI's record of a VM to its containers, over a connection of its own: a DiagnoseReport. */
export const diagnose: HostOperation = {
  name: 'diagnose',
  args: ['vmuuid'],

  async run(host, args, signal) {
    const { clock, session, config } = host
    const myHost = await host.myHost(signal)
    return JSON.stringify(await diagnoseVm({ clock, session, config, myHost }, vmUuidOf(args) ?? '', signal))
  },
}

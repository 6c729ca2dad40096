import { KEY } from '../../model/fields.ts'
import type { Command } from './cli.ts'
import { readContainers } from './containers.ts'
import { ago, jsonText, table } from './table.ts'
import type { CliVm } from './vms.ts'

/** One line per VM that is offered for container management. */
export const status: Command = (vms, line, io, nowMs) => {
  const shown = vms.filter(({ here, residentOn }) => line.pool || here || residentOn === undefined)
  if (line.json) {
    io.out(jsonText(shown.map((vm) => describe(vm))))
    return 0
  }
  if (shown.length === 0) {
    io.out('No VM is offered for container management: none has the other-config key xscontainer-monitor.\n')
    return 0
  }
  const rows = shown.map((vm) => {
    const { uuid, name, host, containers, updated, status } = describe(vm)
    const age = updated === null ? '-' : ago(nowMs - Date.parse(updated))
    return [
      uuid.slice(0, 8),
      name,
      host === '' ? '-' : host,
      containers === null ? '-' : String(containers),
      age,
      status,
    ]
  })
  io.out(table(['UUID', 'VM', 'HOST', 'CONTAINERS', 'CHANGED', 'STATUS'], rows))
  return 0
}

function describe(vm: CliVm) {
  const ps = vm.otherConfig[KEY.ps]
  return {
    uuid: vm.uuid,
    name: vm.name,
    host: vm.host,
    power_state: vm.powerState,
    containers: ps === undefined ? null : readContainers(ps).length,
    updated: vm.otherConfig[KEY.updated] ?? null,
    status: vm.otherConfig[KEY.status] ?? whyNot(vm),
  }
}

/** Why nobody writes a status for this VM. */
function whyNot(vm: CliVm): string {
  if (vm.otherConfig[KEY.monitor] !== 'True') return 'not registered'
  if (vm.powerState !== 'Running') return `not monitored: the VM is ${vm.powerState.toLowerCase()}`
  return 'not monitored: is xscontainer-monitor running on its host?'
}

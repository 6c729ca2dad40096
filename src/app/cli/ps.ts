import { KEY } from '../../model/fields.ts'
import type { Command } from './cli.ts'
import { readContainers, type Container, type Port } from './containers.ts'
import { ago, jsonText, table } from './table.ts'
import { pickVm } from './vms.ts'

const COMMAND_WIDTH = 20

/** The containers of all VMs, or of one, in docker's columns. */
export const ps: Command = (vms, line, io, nowMs) => {
  const [word] = line.args
  const chosen = word === undefined ? vms.filter(({ here }) => line.pool || here) : [pickVm(vms, word)]
  const rows = chosen.flatMap((vm) =>
    readContainers(vm.otherConfig[KEY.ps] ?? '')
      .filter((container) => line.all || container.status.startsWith('Up'))
      .map((container) => ({ vm, container })),
  )
  if (line.json) {
    io.out(jsonText(rows.map(({ vm, container }) => ({ vm: vm.uuid, vm_name: vm.name, ...container }))))
    return 0
  }
  const head = ['VM', 'CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES']
  io.out(
    table(
      head,
      rows.map(({ vm, container }) => [vm.name, ...cells(container, nowMs)]),
    ),
  )
  return 0
}

function cells({ container, image, command, created, status, ports, names }: Container, nowMs: number): string[] {
  const cut = command.length > COMMAND_WIDTH ? `${command.slice(0, COMMAND_WIDTH - 1)}…` : command
  return [
    container,
    image,
    JSON.stringify(cut),
    ago(nowMs - created * 1000),
    status,
    ports.map(portText).join(', '),
    names,
  ]
}

/** As docker shows it: `0.0.0.0:8080->80/tcp`. */
function portText({ IP, PrivatePort = '?', PublicPort, Type = 'tcp' }: Port): string {
  if (PublicPort === undefined) return `${PrivatePort}/${Type}`
  return `${IP?.includes(':') === true ? `[${IP}]` : (IP ?? '')}:${PublicPort}->${PrivatePort}/${Type}`
}

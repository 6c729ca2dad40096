import type { ListedContainer, ListedPort } from '../../operations/list-document.ts'
import type { CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'
import { askMonitor, listAll, type Known } from './list.ts'
import { ago, jsonText, table } from './table.ts'
import { EXIT, type Verb } from './verb.ts'

const COMMAND_WIDTH = 20
const HEAD = ['VM', 'CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES']

/** The containers of all VMs, or of one, in docker's columns. */
export const ps: Verb = async (context, line) => {
  context.io.out(psText(await chosen(context, line), line.options, context.clock.now()))
  return EXIT.done
}

async function chosen(context: CliContext, { args: [word], options }: CommandLine): Promise<Known[]> {
  if (word !== undefined) return listAll(context, [await context.vm(word)], true)
  if (options['pool'] === true) return listAll(context, await context.vms(), true)
  // The monitor alone knows all there is to tell: nobody has to ask XAPI.
  const mine = await askMonitor(context)
  if (mine !== undefined) return mine.map((vm) => ({ vm, live: true }))
  const { publishedVm } = await import('./published.ts')
  const vms = (await context.vms()).filter(({ here }) => here)
  return vms.map((vm) => ({ vm: publishedVm(vm), live: false }))
}

export function psText(known: readonly Known[], options: CommandLine['options'], nowMs: number): string {
  const rows = known.flatMap(({ vm }) =>
    vm.containers
      .filter(({ status }) => options['all'] === true || status.startsWith('Up'))
      .map((container) => ({ vm, container })),
  )
  if (options['json'] === true) {
    return jsonText(rows.map(({ vm, container }) => ({ vm: vm.uuid, vm_name: vm.name, ...container })))
  }
  return table(
    HEAD,
    rows.map(({ vm, container }) => [vm.name, ...cells(container, nowMs)]),
  )
}

function cells({ container, image, command, created, status, ports, names }: ListedContainer, nowMs: number): string[] {
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
function portText({ IP, PrivatePort = '?', PublicPort, Type = 'tcp' }: ListedPort): string {
  if (PublicPort === undefined) return `${PrivatePort}/${Type}`
  return `${IP?.includes(':') === true ? `[${IP}]` : (IP ?? '')}:${PublicPort}->${PrivatePort}/${Type}`
}

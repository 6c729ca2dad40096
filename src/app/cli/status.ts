import { KEY } from '../../model/fields.ts'
import type { CommandLine } from './command-line.ts'
import { listAll, type Known } from './list.ts'
import { spendLine } from './spend-line.ts'
import { age, jsonText, table } from './table.ts'
import { EXIT, type Verb } from './verb.ts'
import type { CliVm } from './vms.ts'

const HEAD = ['UUID', 'VM', 'HOST', 'ENGINE', 'CONTAINERS', 'LISTED', 'RECONNECTS', 'WRITES', 'STATUS']

/** One line per VM that is offered for container management. */
export const status: Verb = async (context, { options }) => {
  const pool = options['pool'] === true
  const shown = (await context.vms()).filter(({ here, residentOn }) => pool || here || residentOn === undefined)
  context.io.out(statusText(shown, await listAll(context, shown, pool), options))
  if (options['json'] !== true && shown.some(({ here }) => here)) context.io.out(await spendLine(context))
  return EXIT.done
}

export function statusText(vms: readonly CliVm[], known: readonly Known[], options: CommandLine['options']): string {
  const rows = vms.flatMap((vm, i) => {
    const about = known[i]
    return about === undefined ? [] : [describe(vm, about)]
  })
  if (options['json'] === true) return jsonText(rows)
  if (rows.length === 0) {
    return 'No VM is offered for container management: none has the other-config key xscontainer-monitor. Offer one with xscontainer register VM.\n'
  }
  return table(
    HEAD,
    rows.map((row) => [
      row.uuid.slice(0, 8),
      row.name,
      row.host || '-',
      row.engine ?? '-',
      dash(row.containers),
      row.list_age_ms === null ? '-' : age(row.list_age_ms),
      dash(row.reconnects),
      dash(row.writes),
      row.warning === null ? row.status : `${row.status}; ${row.warning}`,
    ]),
  )
}

function describe(vm: CliVm, { vm: known, live }: Known) {
  const listed = live ? known.list_age_ms !== null : vm.otherConfig[KEY.ps] !== undefined
  return {
    uuid: vm.uuid,
    name: vm.name,
    host: vm.host,
    power_state: vm.powerState,
    state: known.state,
    since: known.since,
    engine: known.engine,
    api_version: known.api_version ?? null,
    address: known.address ?? null,
    transport: known.transport ?? null,
    socket: known.socket ?? null,
    certificates_until: known.certificates_until ?? null,
    warning: known.warning ?? null,
    cause: known.cause ?? null,
    cure: known.cure ?? null,
    containers: listed ? known.containers.length : null,
    list_age_ms: known.list_age_ms,
    reconnects: live ? known.reconnects : null,
    writes: live ? known.writes : null,
    updated: vm.otherConfig[KEY.updated] ?? null,
    status: known.status ?? vm.otherConfig[KEY.status] ?? whyNot(vm),
  }
}

function dash(count: number | null): string {
  return count === null ? '-' : String(count)
}

/** Why nobody writes a status for this VM. */
function whyNot(vm: CliVm): string {
  if (vm.otherConfig[KEY.monitor] !== 'True') return 'not registered'
  if (vm.powerState !== 'Running') return `not monitored: the VM is ${vm.powerState.toLowerCase()}`
  return 'not monitored: is xscontainer-monitor running on its host?'
}

import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import { KEY } from '../../model/fields.ts'
import type { VmRecord } from '../../model/vm.ts'
import { isFailure, isNotOffered } from '../../xapi/errors.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { parseVm } from '../../xapi/vm-record.ts'
import { isRecord } from '../../xapi/wire.ts'
import { findThisHost } from '../this-host.ts'

/** A VM that is offered for container management, and where it runs. */
export interface CliVm extends Omit<VmRecord, 'networks'> {
  readonly here: boolean
  /** The host's name; empty when the VM runs nowhere. */
  readonly host: string
}

/** The pool's VMs that have the key xscontainer-monitor, by name; with `all` those without it as well. */
export async function readVms(
  session: Pick<XapiSession, 'call'>,
  inventoryPath: string,
  signal: AbortSignal,
  all = false,
): Promise<CliVm[]> {
  const [me, hosts, vms] = await Promise.all([
    findThisHost(session, inventoryPath, signal),
    session.call('host.get_all_records', [], signal),
    vmRecords(session, signal),
  ])
  if (!isRecord(vms)) return []
  return Object.entries(vms)
    .flatMap(([ref, record]) => {
      const vm = parseVm(ref, record)?.record
      if (vm === undefined || vm.isTemplate || vm.isSnapshot || vm.isControlDomain) return []
      if (!all && vm.otherConfig[KEY.monitor] === undefined) return []
      return [{ ...vm, here: vm.residentOn === me, host: nameOf(hosts, vm.residentOn) }]
    })
    .sort((a, b) => a.name.localeCompare(b.name) || a.uuid.localeCompare(b.uuid))
}

/**
 * The one VM that this word means; `all`: `vms` are those without the key as well. Throws RefusedError, which lists the
 * candidates when there are several.
 */
export function pickVm(vms: readonly CliVm[], word: string, all = false): CliVm {
  const wanted = word.toLowerCase()
  // A whole uuid means that VM, whatever others are called: it is how one names a VM where names are ambiguous.
  const ways: readonly ((vm: CliVm) => boolean)[] = [
    ({ uuid }) => uuid === wanted,
    ({ name }) => name === word,
    ({ uuid }) => uuid.startsWith(wanted),
  ]
  const found = ways.map((fits) => vms.filter(fits)).find((some) => some.length > 0) ?? []
  const [first, ...others] = found
  if (first !== undefined && others.length === 0) return first
  const shown = cleanForTerminal(JSON.stringify(word))
  if (first === undefined) {
    throw new RefusedError({
      kind: 'no-such-vm',
      cause: all
        ? `There is no VM with the uuid or name ${shown} in this pool`
        : `No VM with the key ${KEY.monitor} has the uuid or name ${shown}`,
      cure: all ? 'Look for its uuid with: xe vm-list' : 'See xscontainer status --pool for those there are',
    })
  }
  const lines = found.map(({ uuid, name }) => `\n  ${uuid}  ${cleanForTerminal(name)}`)
  throw new RefusedError({
    kind: 'ambiguous',
    cause: `${shown} fits several VMs`,
    cure: `Name one by its uuid:${lines.join('')}`,
  })
}

/** Templates are many and large: they are left out by XAPI where it can. */
async function vmRecords(session: Pick<XapiSession, 'call'>, signal: AbortSignal): Promise<unknown> {
  try {
    return await session.call('VM.get_all_records_where', ['field "is_a_template" = "false"'], signal)
  } catch (error) {
    if (!isNotOffered(error) && !isFailure(error, 'INTERNAL_ERROR')) throw error
    return session.call('VM.get_all_records', [], signal)
  }
}

function nameOf(hosts: unknown, ref: string | undefined): string {
  const host = isRecord(hosts) && ref !== undefined ? hosts[ref] : undefined
  return isRecord(host) && typeof host['name_label'] === 'string' ? host['name_label'] : ''
}

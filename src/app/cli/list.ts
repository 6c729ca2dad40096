import { DiagnosedError } from '../../base/errors.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import type { CliContext } from './context.ts'
import { readList } from './list-reply.ts'
import { publishedVm } from './published.ts'
import type { CliVm } from './vms.ts'

/** VMs as the monitors know them now; `live` is false where only what was published could be had. */
export interface Known {
  readonly vm: ListedVm
  readonly live: boolean
}

/** The registered VMs of this host as its monitor knows them; undefined when that does not run. */
export async function askMonitor(context: CliContext, vmUuid?: string): Promise<ListedVm[] | undefined> {
  const [{ callControl, ControlUnavailable }, { control }] = await Promise.all([
    import('../../control/client.ts'),
    context.config(),
  ])
  try {
    const args = vmUuid === undefined ? {} : { vmuuid: vmUuid }
    return readList(await callControl(context, control.socket, 'list', args, context.signal))
  } catch (error) {
    if (!(error instanceof ControlUnavailable)) throw error
    context.note(`${error.diagnosis.cause}; this is what was published last. ${error.diagnosis.cure}`)
    return undefined
  }
}

/** What is known of these VMs, by asking the hosts that they are on; `pool`: other hosts than this one too. */
export async function listAll(context: CliContext, vms: readonly CliVm[], pool: boolean): Promise<Known[]> {
  const hosts = [
    ...new Set(vms.flatMap(({ here, residentOn }) => (here || residentOn === undefined ? [] : [residentOn]))),
  ]
  const [mine, ...others] = await Promise.all([
    vms.some(({ here }) => here) ? askMonitor(context) : undefined,
    ...(pool ? hosts.map((host) => askHost(context, host, vms)) : []),
  ])
  const known = new Map([mine, ...others].flatMap((list) => (list ?? []).map((vm) => [vm.uuid, vm])))
  return vms.map((vm) => {
    const live = known.get(vm.uuid)
    return live === undefined ? { vm: publishedVm(vm), live: false } : { vm: live, live: true }
  })
}

/** The same about one VM. */
export async function listOf(context: CliContext, vm: CliVm): Promise<ListedVm> {
  const [known] = await listAll(context, [vm], true)
  return known?.vm ?? publishedVm(vm)
}

async function askHost(context: CliContext, hostRef: string, vms: readonly CliVm[]): Promise<ListedVm[]> {
  const { askPlugin } = await import('./plugin-call.ts')
  try {
    return readList(await askPlugin(context, hostRef, 'list', {}))
  } catch (error) {
    if (!(error instanceof DiagnosedError) || context.signal.aborted) throw error
    const { host = '' } = vms.find(({ residentOn }) => residentOn === hostRef) ?? {}
    context.note(`host ${host}: ${error.diagnosis.cause}; this is what was published last. ${error.diagnosis.cure}`)
    return []
  }
}

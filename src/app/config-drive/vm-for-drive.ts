import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import type { VmRecord } from '../../model/vm.ts'
import { isFailure } from '../../xapi/errors.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { parseVm } from '../../xapi/vm-record.ts'
import { isRecord } from '../../xapi/wire.ts'
import { noSuchVm } from '../vm-errors.ts'

/** What has to be known of a VM to give it a config drive. */
export interface VmForDrive extends Omit<VmRecord, 'networks'> {
  /** Whether it has emulated hardware, which decides how a drive can be plugged. */
  readonly isHvm: boolean
}

/** Reads the VM, or the template, of this uuid. Rejects with a RefusedError when there is none that could have a config drive. */
export async function readVmForDrive(
  session: Pick<XapiSession, 'call'>,
  uuid: string,
  signal: AbortSignal,
): Promise<VmForDrive> {
  const { ref, record } = await readRecord(session, uuid, signal)
  const vm = parseVm(ref, record)?.record
  if (vm === undefined || !isRecord(record)) throw noSuchVm(uuid)
  if (vm.isControlDomain) throw unsuitable(vm.name, 'a control domain')
  if (vm.isSnapshot) throw unsuitable(vm.name, 'a snapshot')
  return { ...vm, isHvm: isHvm(record) }
}

async function readRecord(session: Pick<XapiSession, 'call'>, uuid: string, signal: AbortSignal) {
  try {
    const ref = String(await session.call('VM.get_by_uuid', [uuid], signal))
    return { ref, record: await session.call('VM.get_record', [ref], signal) }
  } catch (error) {
    if (isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) throw noSuchVm(uuid)
    throw error
  }
}

/** domain_type is of 2018 (XenServer 7.5); the boot policy told it before and still does. */
function isHvm(record: Readonly<Record<string, unknown>>): boolean {
  const type = record['domain_type']
  if (type === 'hvm' || type === 'pv') return type === 'hvm'
  return typeof record['HVM_boot_policy'] === 'string' && record['HVM_boot_policy'] !== ''
}

function unsuitable(name: string, what: string): RefusedError {
  return new RefusedError({
    kind: 'not-a-vm',
    cause: `"${cutText(cleanForTerminal(name), 60)}" is ${what}, which has no config drive`,
    cure: 'Choose a virtual machine, or a template',
  })
}

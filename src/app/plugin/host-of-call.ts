import { isFailure } from '../../xapi/errors.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { readStorage, readStorageByUuid } from '../../xapi/storage.ts'
import { refOf } from '../../xapi/vm-record.ts'
import { hostFor, noSuchDisk, noSuchStorage } from '../config-drive/storage-place.ts'
import { uuidArgument } from '../config-drive/uuid-argument.ts'
import { vmUuidOf } from '../operations/run-operation.ts'
import { noSuchVm } from '../vm-errors.ts'
import type { MethodCall } from './method-call.ts'

type Xapi = Pick<XapiSession, 'call'>

/**
 * XAPI's ref of the host that is to do this call: the one that the VM is on, or one that has the storage attached, `here`
 * where that does. undefined: the VM is on none. Rejects with a RefusedError when there is no such VM, storage or disk.
 */
export async function hostOfCall(
  xapi: Xapi,
  { fn, args }: MethodCall,
  here: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (fn === 'create_config_drive') {
    const uuid = uuidArgument(args, 'sruuid', 'storage repository')
    const storage = await readStorageByUuid(xapi, uuid, signal)
    if (storage === undefined) throw noSuchStorage(uuid)
    return hostFor(storage, here)
  }
  if (fn === 'get_config_drive_configuration') {
    return hostOfDisk(xapi, uuidArgument(args, 'vdiuuid', 'VDI'), here, signal)
  }
  return hostOfVm(xapi, vmUuidOf(args) ?? '', signal)
}

/** XAPI's ref of the host that the VM is on, undefined: on none. Rejects with a RefusedError when there is no such VM. */
async function hostOfVm(xapi: Xapi, vmUuid: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const vm = String(await xapi.call('VM.get_by_uuid', [vmUuid], signal))
    return refOf(await xapi.call('VM.get_resident_on', [vm], signal))
  } catch (error) {
    if (isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) throw noSuchVm(vmUuid)
    throw error
  }
}

async function hostOfDisk(xapi: Xapi, vdiUuid: string, here: string, signal: AbortSignal): Promise<string> {
  try {
    const vdi = String(await xapi.call('VDI.get_by_uuid', [vdiUuid], signal))
    const sr = String(await xapi.call('VDI.get_SR', [vdi], signal))
    const storage = await readStorage(xapi, sr, signal)
    if (storage === undefined) throw noSuchStorage(sr)
    return hostFor(storage, here)
  } catch (error) {
    if (isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) throw noSuchDisk(vdiUuid)
    throw error
  }
}

import { isFailure } from './errors.ts'
import type { XapiSession } from './session.ts'
import { refOf } from './vm-record.ts'
import { isRecord } from './wire.ts'

/** A storage repository, and where it can be used. */
export interface Storage {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  /** Refs of the hosts that have it attached now. */
  readonly hosts: readonly string[]
}

type Calls = Pick<XapiSession, 'call'>

/** The storage repository of this uuid; undefined when there is none. */
export async function readStorageByUuid(
  session: Calls,
  uuid: string,
  signal: AbortSignal,
): Promise<Storage | undefined> {
  try {
    return await readStorage(session, String(await session.call('SR.get_by_uuid', [uuid], signal)), signal)
  } catch (error) {
    if (isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) return undefined
    throw error
  }
}

/** The storage repository of this ref; undefined when there is none. */
export async function readStorage(session: Calls, ref: string, signal: AbortSignal): Promise<Storage | undefined> {
  try {
    const record = await session.call('SR.get_record', [ref], signal)
    if (!isRecord(record) || typeof record['uuid'] !== 'string') return undefined
    const pbds = Array.isArray(record['PBDs']) ? record['PBDs'].filter((pbd) => typeof pbd === 'string') : []
    const hosts = await Promise.all(pbds.map((pbd) => attachedHost(session, pbd, signal)))
    return {
      ref,
      uuid: record['uuid'],
      name: String(record['name_label']),
      hosts: hosts.filter((host) => host !== undefined),
    }
  } catch (error) {
    if (isFailure(error, 'HANDLE_INVALID')) return undefined
    throw error
  }
}

/** The host of a connection to storage, if that is up. */
async function attachedHost(session: Calls, pbd: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const record = await session.call('PBD.get_record', [pbd], signal)
    return isRecord(record) && record['currently_attached'] === true ? refOf(record['host']) : undefined
  } catch (error) {
    if (isFailure(error, 'HANDLE_INVALID')) return undefined
    throw error
  }
}

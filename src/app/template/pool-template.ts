import { isFailure, isNotOffered, unexpectedAnswer } from '../../xapi/errors.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { fieldsOf } from '../../xapi/vm-record.ts'
import { isRecord } from '../../xapi/wire.ts'
import { coreOsRecord, TEMPLATE_KEY, TEMPLATE_NAME, TEMPLATE_NEW } from './coreos-record.ts'

/** A template named CoreOS in the pool. */
export interface CoreOsTemplate {
  readonly ref: string
  readonly uuid: string
  /** Whether it was made by `install`. */
  readonly isOurs: boolean
  readonly uefi: boolean
}

type Calls = Pick<XapiSession, 'call'>

/** The pool's templates of exactly this name, snapshots aside, by uuid. */
export async function findTemplates(session: Calls, signal: AbortSignal): Promise<CoreOsTemplate[]> {
  const refs = await session.call('VM.get_by_name_label', [TEMPLATE_NAME], signal)
  const found = await Promise.all((Array.isArray(refs) ? refs : []).map((ref) => read(session, String(ref), signal)))
  return found.filter((template) => template !== undefined).sort((a, b) => (a.uuid < b.uuid ? -1 : 1))
}

/** The template that the pool has afterwards, and whether this call made it. One that exists is left as it is. */
export async function installTemplate(
  session: Calls,
  signal: AbortSignal,
): Promise<{ readonly template: CoreOsTemplate; readonly made: boolean }> {
  const [existing] = await findTemplates(session, signal)
  if (existing !== undefined) return { template: existing, made: false }
  const ref = String(await session.call('VM.create', [coreOsRecord(await offersUefi(session, signal))], signal))
  try {
    const uuid = String(await session.call('VM.get_uuid', [ref], signal))
    await mark(session, ref, uuid, signal)
    const all = await findTemplates(session, signal)
    const first = all.find((template) => !template.isOurs) ?? all[0]
    const mine = all.find((template) => template.ref === ref)
    if (first === undefined || mine === undefined) throw unexpectedAnswer('a new template that is not there')
    // Another host has made one at the same moment: the one with the lower uuid stays, on whichever host one looks.
    if (first.ref !== ref) await destroy(session, ref, signal)
    return { template: first, made: first.ref === ref }
  } catch (error) {
    await destroy(session, ref, new AbortController().signal).catch(() => undefined)
    throw error
  }
}

/** Takes away those that `install` made; how many. Others are not touched. */
export async function removeTemplates(session: Calls, signal: AbortSignal): Promise<CoreOsTemplate[]> {
  const ours = (await findTemplates(session, signal)).filter(({ isOurs }) => isOurs)
  for (const { ref } of ours) await destroy(session, ref, signal)
  return ours
}

async function read(session: Calls, ref: string, signal: AbortSignal): Promise<CoreOsTemplate | undefined> {
  try {
    const record = await session.call('VM.get_record', [ref], signal)
    if (!isRecord(record) || typeof record['uuid'] !== 'string') return undefined
    if (record['is_a_template'] !== true || record['is_a_snapshot'] === true) return undefined
    const { uuid } = record
    const key = fieldsOf(record['other_config'], (name) => name === TEMPLATE_KEY)[TEMPLATE_KEY]
    const boot = fieldsOf(record['HVM_boot_params'], () => true)
    return { ref, uuid, isOurs: key === uuid || key === TEMPLATE_NEW, uefi: boot['firmware'] === 'uefi' }
  } catch (error) {
    if (isFailure(error, 'HANDLE_INVALID')) return undefined
    throw error
  }
}

async function mark(session: Calls, ref: string, uuid: string, signal: AbortSignal): Promise<void> {
  await session.call('VM.remove_from_other_config', [ref, TEMPLATE_KEY], signal)
  await session.call('VM.add_to_other_config', [ref, TEMPLATE_KEY, uuid], signal)
}

async function destroy(session: Calls, ref: string, signal: AbortSignal): Promise<void> {
  try {
    await session.call('VM.destroy', [ref], signal)
  } catch (error) {
    if (!isFailure(error, 'HANDLE_INVALID')) throw error
  }
}

/**
 * Whether guests may boot by UEFI on the pool's hosts: as of platform version 3.1 (8.1 of either product), which every
 * host must have; where hosts do not say, whether a template of the pool supports it.
 */
export async function offersUefi(session: Calls, signal: AbortSignal): Promise<boolean> {
  const hosts = await session.call('host.get_all_records', [], signal)
  const versions = Object.values(isRecord(hosts) ? hosts : {}).map((host) => platformVersion(host))
  if (versions.length > 0 && versions.every((version) => version !== undefined)) {
    return versions.every(([major = 0, minor = 0]) => major > 3 || (major === 3 && minor >= 1))
  }
  const templates = await templateRecords(session, signal)
  return Object.values(isRecord(templates) ? templates : {}).some(
    (vm) => isRecord(vm) && vm['is_a_template'] === true && supportsUefi(vm['recommendations']),
  )
}

function platformVersion(host: unknown): number[] | undefined {
  const software = isRecord(host) ? fieldsOf(host['software_version'], () => true) : {}
  const text = /^\d+(?:\.\d+)+/.exec(software['platform_version'] ?? '')?.[0]
  return text?.split('.').map(Number)
}

function supportsUefi(recommendations: unknown): boolean {
  return typeof recommendations === 'string' && /field="supports-uefi" +value="yes"/.test(recommendations)
}

async function templateRecords(session: Calls, signal: AbortSignal): Promise<unknown> {
  try {
    return await session.call('VM.get_all_records_where', ['field "is_a_template" = "true"'], signal)
  } catch (error) {
    if (!isNotOffered(error) && !isFailure(error, 'INTERNAL_ERROR')) throw error
    return session.call('VM.get_all_records', [], signal)
  }
}

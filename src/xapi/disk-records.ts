import type { Disk, Drive } from '../model/disks.ts'
import { fieldsOf, refOf } from './vm-record.ts'
import { isRecord } from './wire.ts'

/** What we need of a VDI's record; undefined when it is none. */
export function diskOf(ref: string, record: unknown): Disk | undefined {
  if (!isRecord(record) || typeof record['uuid'] !== 'string') return undefined
  return {
    ref,
    uuid: record['uuid'],
    name: String(record['name_label']),
    sr: String(record['SR']),
    bytes: Number(record['virtual_size']),
    otherConfig: fieldsOf(record['other_config'], () => true),
    drives: texts(record['VBDs']),
  }
}

/** What we need of a VBD's record; undefined when it is none. */
export function driveOf(ref: string, record: unknown): Drive | undefined {
  if (!isRecord(record) || typeof record['uuid'] !== 'string') return undefined
  return {
    ref,
    uuid: record['uuid'],
    vm: String(record['VM']),
    disk: record['empty'] === true ? undefined : refOf(record['VDI']),
    place: String(record['userdevice']),
    isCd: record['type'] === 'CD',
    readOnly: record['mode'] === 'RO',
    attached: record['currently_attached'] === true,
    otherConfig: fieldsOf(record['other_config'], () => true),
  }
}

/** The texts of a list of XAPI's, refs for example. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : []
}

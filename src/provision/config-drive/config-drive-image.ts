import { RefusedError } from '../../base/errors.ts'
import type { IsoFile, IsoImage } from '../iso/read-iso.ts'
import { writeIso, type IsoEntry } from '../iso/write-iso.ts'
import { fillTemplate, type TemplateFacts } from './fill-template.ts'
import { hostNameOf } from './host-name.ts'

/** By this label guests find the drive (OpenStack's config drive, version 2). */
const LABEL = 'config-2'
const USER_DATA = 'openstack/latest/user_data'
const TEMPLATE = 'openstack/latest/user_data.template'
/** cloud-init reads no drive that lacks this. */
const META_DATA = 'openstack/latest/meta_data.json'

/** More than `checkTemplate` lets in: other software's drives may hold more. */
const MOST_USER_DATA_BYTES = 4 << 20
/** The whole agent has some 10 MB; every config drive holds a copy. */
const MOST_AGENT_BYTES = 32 << 20

export interface ConfigDrive extends TemplateFacts {
  readonly vmUuid: string
  /** As the user wrote it; `checkTemplate` has seen it. */
  readonly template: string
  /** Files of the Linux guest agent, as `agentFiles` gives them; empty where the host has no tools ISO. */
  readonly agent: readonly IsoEntry[]
  readonly now: Date
}

/** The image of a VM's config drive, and whether it gives the guest the pool's key. */
export function configDriveImage(drive: ConfigDrive): { image: Buffer; keyLineActive: boolean } {
  const { userData, keyLineActive } = fillTemplate(drive.template, drive)
  // The VM's uuid is what the guest finds as its DMI system uuid: it is the same instance however often the drive is made.
  const metaData = { uuid: drive.vmUuid, name: drive.vmName, hostname: hostNameOf(drive.vmName) }
  const image = writeIso({
    label: LABEL,
    now: drive.now,
    files: [
      { path: USER_DATA, data: Buffer.from(userData) },
      { path: TEMPLATE, data: Buffer.from(drive.template) },
      { path: META_DATA, data: Buffer.from(`${JSON.stringify(metaData)}\n`) },
      ...drive.agent,
    ],
  })
  return { image, keyLineActive }
}

/**
 * The template of a config drive as the user wrote it; of a drive without one, as the predecessor's first ones were,
 * what the guest reads. Rejects with RefusedError.
 */
export async function readTemplate(drive: IsoImage): Promise<string> {
  const bytes =
    (await drive.read(TEMPLATE, MOST_USER_DATA_BYTES)) ?? (await drive.read(USER_DATA, MOST_USER_DATA_BYTES))
  if (bytes !== undefined) return bytes.toString()
  throw new RefusedError({
    kind: 'config-drive-empty',
    cause: `There is no ${USER_DATA} on the ISO image "${drive.label}"`,
    cure: 'Choose the disk of a config drive, its other_config has config-drive=True',
  })
}

/**
 * The Linux guest agent's files of a tools ISO (`Linux/xe-daemon`, its packages, ..), below `agent/`; empty when it has
 * none. Packages for 32 bits are left out, and what would make the drive large.
 */
export async function agentFiles(tools: IsoImage): Promise<IsoEntry[]> {
  const entries: IsoEntry[] = []
  let left = MOST_AGENT_BYTES
  for (const file of tools.files.filter(isAgentFile).sort(smallestFirst)) {
    if (file.size > left) break
    const data = await tools.read(file.path, left)
    if (data === undefined) continue
    left -= data.length
    entries.push({ path: `agent/${nameOf(file)}`, data, executable: isProgram(data) })
  }
  return entries
}

function isAgentFile({ path }: IsoFile): boolean {
  return /^linux\/(?:xe-|xen-|install\.sh$|versions\.)[^/]*$/i.test(path) && !/i[3-6]86/i.test(path)
}

function smallestFirst(a: IsoFile, b: IsoFile): number {
  return a.size - b.size || (a.path < b.path ? -1 : 1)
}

function nameOf({ path }: IsoFile): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A script or an ELF file: an ISO without Rock Ridge does not tell modes. */
function isProgram(data: Buffer): boolean {
  return data.subarray(0, 2).toString('latin1') === '#!' || data.subarray(1, 4).toString('latin1') === 'ELF'
}

import type { Disk, DiskKey, Drive } from '../../model/disks.ts'

/** What clients find config drives by, on the disk and on the drive; its value is `True`. */
export const CONFIG_DRIVE = 'config-drive'
/** Ours, on both while they are not (or no longer) the VM's config drive; see `stageOf`. */
const STAGE = 'xscontainer-config-drive'

/** A drive of a VM that is about a config drive, with its disk. */
export interface Found {
  readonly drive: Drive
  readonly disk: Disk | undefined
}

/** Who makes a config drive for which VM, and since when. */
export interface Maker {
  readonly vmUuid: string
  readonly hostRef: string
  /** ISO time. */
  readonly since: string
}

export interface Stage extends Maker {
  /** `making`: not complete yet; `old`: another has taken its place. */
  readonly is: 'making' | 'old'
}

/** The value of our key. Host and VM by what XAPI calls them; nothing secret. */
export function stageText({ is, vmUuid, hostRef, since }: Stage): string {
  return [is, vmUuid, since, hostRef].join(' ')
}

/** What our key says; undefined where it is not there, or is not ours. */
export function stageOf(otherConfig: Readonly<Record<string, string>>): Stage | undefined {
  const [is, vmUuid, since, hostRef] = (otherConfig[STAGE] ?? '').split(' ')
  if ((is !== 'making' && is !== 'old') || vmUuid === undefined || since === undefined) return undefined
  return { is, vmUuid, since, hostRef: hostRef ?? '' }
}

export function isMarked(otherConfig: Readonly<Record<string, string>> | undefined): boolean {
  return otherConfig?.[CONFIG_DRIVE]?.toLowerCase() === 'true'
}

/** Whether the VM's config drive is in it, by the drive's mark or the disk's: the predecessor marked disks only. */
export function isConfigDrive({ drive, disk }: Found): boolean {
  if (stageOf(drive.otherConfig)?.is === 'old') return false
  return isMarked(drive.otherConfig) || (isMarked(disk?.otherConfig) && stageOf(drive.otherConfig) === undefined)
}

/** The other_config of what is not complete yet. */
export function makingKeys(maker: Maker): Readonly<Record<string, string>> {
  return { [STAGE]: stageText({ ...maker, is: 'making' }) }
}

/**
 * The writes that make `next` the VM's config drive in place of `before`, in an order in which it can be told after each
 * of them what was going on. The first two decide. What has other drives too stays as it is.
 */
export function swapKeys(before: readonly Found[], next: { drive: Drive; disk: Disk }, maker: Maker): DiskKey[] {
  const old = stageText({ ...maker, is: 'old' })
  const disks = before.flatMap((found) => (isShared(found) ? [] : (found.disk ?? [])))
  // Another host may be doing the same.
  const ofOld = (...parts: Parameters<typeof key>): DiskKey => ({ ...key(...parts), contested: true })
  return [
    ...before.map(({ drive }) => ofOld('drive', drive, CONFIG_DRIVE, undefined)),
    { ...key('drive', next.drive, CONFIG_DRIVE, 'True'), isNew: true },
    ...disks.map((disk) => ofOld('disk', disk, CONFIG_DRIVE, undefined)),
    { ...key('disk', next.disk, CONFIG_DRIVE, 'True'), isNew: true },
    ...before.map(({ drive }) => ofOld('drive', drive, STAGE, old)),
    ...disks.map((disk) => ofOld('disk', disk, STAGE, old)),
    key('disk', next.disk, STAGE, undefined),
    // Last: what has no stage any more is done, for other hosts too.
    key('drive', next.drive, STAGE, undefined),
  ]
}

/** The writes that take `swapKeys` back: `before` is the config drive again, `next` is not. */
export function unswapKeys(before: readonly Found[], next: { drive: Drive; disk: Disk }): DiskKey[] {
  return [
    key('drive', next.drive, CONFIG_DRIVE, undefined),
    ...before.map(({ drive }) => key('drive', drive, CONFIG_DRIVE, drive.otherConfig[CONFIG_DRIVE])),
    key('disk', next.disk, CONFIG_DRIVE, undefined),
    ...before.flatMap(({ drive, disk }) => [
      key('drive', drive, STAGE, drive.otherConfig[STAGE]),
      ...(disk === undefined
        ? []
        : [CONFIG_DRIVE, STAGE].map((name) => key('disk', disk, name, disk.otherConfig[name]))),
    ]),
  ]
}

/** The writes after which a drive that was made before an interruption counts as complete. */
export function completeKeys({ drive, disk }: Found): DiskKey[] {
  return [
    key('drive', drive, CONFIG_DRIVE, 'True'),
    ...(disk === undefined ? [] : [key('disk', disk, CONFIG_DRIVE, 'True'), key('disk', disk, STAGE, undefined)]),
    key('drive', drive, STAGE, undefined),
  ]
}

/** The writes that mark what is to be destroyed. */
export function oldKeys({ drive }: Found, maker: Maker): DiskKey[] {
  return [key('drive', drive, CONFIG_DRIVE, undefined), key('drive', drive, STAGE, stageText({ ...maker, is: 'old' }))]
}

/** Whether the disk is in another drive as well. */
export function isShared({ drive, disk }: Found): boolean {
  return disk?.drives.some((ref) => ref !== drive.ref) === true
}

function key(
  of: 'disk' | 'drive',
  { ref }: { readonly ref: string },
  name: string,
  value: string | undefined,
): DiskKey {
  return { of, ref, key: name, value }
}

import { asError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Disk, DiskStore } from '../../model/disks.ts'
import {
  completeKeys,
  isConfigDrive,
  isMarked,
  isShared,
  oldKeys,
  stageOf,
  type Found,
  type Maker,
  type Stage,
} from './marks.ts'

export const DISK_NAME = 'Automatic Config Drive'
/** Nobody takes longer; what another host began before that was interrupted there. */
const MOST_MAKING_MS = 30 * 60_000

export interface TidyDeps {
  readonly disks: DiskStore
  readonly log: Log
}

/** The VM's drives that have a disk. */
export async function findDrives(disks: DiskStore, vmRef: string, signal: AbortSignal): Promise<Found[]> {
  const drives = (await disks.drivesOf(vmRef, signal)).filter((drive) => drive.disk !== undefined)
  return Promise.all(drives.map(async (drive) => ({ drive, disk: await disks.disk(drive.disk!, signal) })))
}

/**
 * Finishes or removes what an interrupted run has left at this VM; nobody else may be at work on it on this host. The
 * VM's config drives then: none, or one. What cannot be removed is logged, and looked at again the next time.
 */
export async function tidy(deps: TidyDeps, vmRef: string, maker: Maker, signal: AbortSignal): Promise<Found[]> {
  const found = await findDrives(deps.disks, vmRef, signal)
  const halfMade = found.filter(({ drive }) => isStale(stageOf(drive.otherConfig), maker))
  for (const one of halfMade) {
    if (isMarked(one.drive.otherConfig)) await deps.disks.setKeys(completeKeys(one), signal)
  }
  const current = keep(
    halfMade.filter(({ drive }) => isMarked(drive.otherConfig)),
    found.filter(isConfigDrive),
  )
  // Interrupted between the two marks.
  const bare = current !== undefined && halfMade.length > 0 && !isMarked(current.drive.otherConfig)
  if (bare) await deps.disks.setKeys(completeKeys(current), signal)
  for (const one of found.filter((each) => isConfigDrive(each) && each !== current)) {
    await deps.disks.setKeys(oldKeys(one, maker), signal)
    await remove(deps, one, signal)
  }
  for (const one of found) {
    const isOld = stageOf(one.drive.otherConfig)?.is === 'old'
    if (one !== current && (isOld || halfMade.includes(one)) && !isConfigDrive(one)) await remove(deps, one, signal)
  }
  await removeLooseDisks(deps, maker, signal)
  return current === undefined ? [] : [current]
}

/** Takes a drive that is no longer wanted from the VM, and destroys its disk. Never rejects but for the signal. */
export async function remove({ disks, log }: TidyDeps, found: Found, signal: AbortSignal): Promise<void> {
  const { drive, disk } = found
  try {
    if (drive.attached) await disks.unplug(drive.ref, signal)
    await disks.destroyDrive(drive.ref, signal)
    if (disk !== undefined && !isShared(found)) await disks.destroyDisk(disk.ref, signal)
  } catch (error) {
    signal.throwIfAborted()
    const left = { vbd: drive.uuid, vdi: disk?.uuid ?? '' }
    log.warn({ err: asError(error), ...left }, 'an old config drive is left, marked as such: it goes the next time')
  }
}

/** One that was complete when its run was interrupted is newer than the others; its drive is marked, theirs may be. */
function keep(finished: readonly Found[], all: readonly Found[]): Found | undefined {
  return finished.at(-1) ?? all.find(({ drive }) => isMarked(drive.otherConfig)) ?? all[0]
}

/** Disks of interrupted runs that have not come into a drive, or are out of it already. */
async function removeLooseDisks({ disks, log }: TidyDeps, maker: Maker, signal: AbortSignal): Promise<void> {
  const named = await disks.disksNamed(DISK_NAME, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    log.warn({ err: asError(error) }, 'cannot look for disks of interrupted runs')
    return []
  })
  const loose = named.filter((disk) => disk.drives.length === 0 && isLeftOver(disk, maker))
  for (const disk of loose) {
    try {
      await disks.destroyDisk(disk.ref, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ err: asError(error), vdi: disk.uuid }, 'a disk of an interrupted run is left: it goes the next time')
    }
  }
}

function isLeftOver(disk: Disk, maker: Maker): boolean {
  const stage = stageOf(disk.otherConfig)
  return stage?.vmUuid === maker.vmUuid && (stage.is === 'old' || isStale(stage, maker))
}

/** Begun and never finished: on this host whoever did it is gone, elsewhere it has taken too long. */
function isStale(stage: Stage | undefined, maker: Maker): boolean {
  if (stage?.is !== 'making') return false
  return stage.hostRef === maker.hostRef || !(Date.parse(maker.since) - Date.parse(stage.since) < MOST_MAKING_MS)
}

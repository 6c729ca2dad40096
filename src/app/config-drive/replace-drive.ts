import type { Clock } from '../../base/clock.ts'
import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Disk, DiskStore, Drive } from '../../model/disks.ts'
import type { PowerState } from '../../model/vm.ts'
import { makingKeys, swapKeys, unswapKeys, type Found, type Maker } from './marks.ts'
import { outdoOthers } from './outdo-others.ts'
import { DISK_NAME, remove, tidy } from './tidy.ts'
import { Undo } from './undo.ts'

export interface ReplaceDeps {
  readonly clock: Clock
  readonly log: Log
  readonly disks: DiskStore
}

export interface NewConfigDrive {
  readonly vm: { readonly ref: string; readonly uuid: string; readonly name: string; readonly powerState: PowerState }
  /** Whether the VM takes read-only disks: XAPI plugs none into an HVM guest. */
  readonly readOnly: boolean
  /** Ref of the storage repository. */
  readonly sr: string
  readonly content: Buffer
  /** XAPI's ref of this host. */
  readonly hostRef: string
}

/**
 * Makes the config drive of a VM, in place of one that it has. At the end exactly one is marked. When something fails,
 * everything is as it was before, or the error names what is not. Nobody else may do the same for this VM on this host.
 */
export async function replaceConfigDrive(deps: ReplaceDeps, wish: NewConfigDrive, signal: AbortSignal): Promise<Disk> {
  const { vm, hostRef } = wish
  const since = new Date(deps.clock.now()).toISOString()
  const maker: Maker = { vmUuid: vm.uuid, hostRef, since }
  const before = await tidy(deps, vm.ref, maker, signal)
  mustBeReplaceable(wish, before)
  const undo = new Undo(deps)
  let next: { drive: Drive; disk: Disk }
  try {
    next = await build(deps, wish, maker, undo, signal)
    if (vm.powerState === 'Running') await exchange(deps, before, next, undo, signal)
    undo.add(`the marks of VM ${vm.uuid}'s config drives`, (inTime) =>
      deps.disks.setKeys(unswapKeys(before, next), inTime),
    )
    await deps.disks.setKeys(swapKeys(before, next, maker), signal)
  } catch (error) {
    throw await undo.after(error)
  }
  // From here on the new one counts: what is left of the old one is marked as old, and goes the next time at the latest.
  const forever = new AbortController().signal
  for (const { drive, disk } of before) await remove(deps, { drive: { ...drive, attached: false }, disk }, forever)
  await outdoOthers(deps, vm, next.drive, maker)
  return next.disk
}

/** The new disk in a drive of the VM, neither of them marked yet. */
async function build({ disks }: ReplaceDeps, wish: NewConfigDrive, maker: Maker, undo: Undo, signal: AbortSignal) {
  const { vm, sr, content, readOnly } = wish
  const otherConfig = makingKeys(maker)
  const description = `What VM ${vm.uuid} is to be at its first boot (cloud-init, Ignition)`
  const disk = await disks.createDisk({ sr, name: DISK_NAME, description, content, otherConfig }, signal)
  undo.add(`VDI ${disk.uuid} (xe vdi-destroy uuid=${disk.uuid})`, (inTime) => disks.destroyDisk(disk.ref, inTime))
  // Whoever deletes the VM with its disks (`owner`, as xe and clients know it) deletes this one too.
  const keys = { ...otherConfig, owner: '' }
  const drive = await disks.createDrive(
    { vm: vm.ref, disk: disk.ref, isCd: false, readOnly, otherConfig: keys },
    signal,
  )
  undo.add(`VBD ${drive.uuid} (xe vbd-destroy uuid=${drive.uuid})`, (inTime) => disks.destroyDrive(drive.ref, inTime))
  return { drive, disk }
}

/** For a running guest: the new drive comes before the old one goes. */
async function exchange(
  { disks, log }: ReplaceDeps,
  before: readonly Found[],
  { drive }: { readonly drive: Drive },
  undo: Undo,
  signal: AbortSignal,
): Promise<void> {
  undo.add(`VBD ${drive.uuid} in the running VM (xe vbd-unplug uuid=${drive.uuid})`, (inTime) =>
    disks.unplug(drive.ref, inTime),
  )
  try {
    await disks.plug(drive.ref, signal)
  } catch (error) {
    if (!(error instanceof DiagnosedError && error.diagnosis.kind === 'guest-takes-no-drive')) throw error
    log.info({ vbd: drive.uuid, cause: error.diagnosis.cause }, 'the guest has its config drive when it starts again')
  }
  for (const old of before.filter(({ drive: each }) => each.attached)) {
    undo.add(`VBD ${old.drive.uuid} is unplugged (xe vbd-plug uuid=${old.drive.uuid})`, (inTime) =>
      disks.plug(old.drive.ref, inTime),
    )
    await disks.unplug(old.drive.ref, signal)
  }
}

/** A suspended guest, or one that is paused, lets go of nothing. */
function mustBeReplaceable({ vm }: NewConfigDrive, before: readonly Found[]): void {
  if (vm.powerState === 'Running' || vm.powerState === 'Halted') return
  if (!before.some(({ drive }) => drive.attached) && vm.powerState === 'Paused') return
  if (before.length === 0) return
  throw new RefusedError({
    kind: 'vm-sleeps',
    cause: `VM ${vm.uuid} is ${vm.powerState.toLowerCase()}, so that its config drive cannot be replaced`,
    cure: 'Resume it or shut it down, then try again',
  })
}

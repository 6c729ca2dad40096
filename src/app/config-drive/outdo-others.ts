import { TransientError } from '../../base/errors.ts'
import type { Drive } from '../../model/disks.ts'
import { isConfigDrive, oldKeys, stageOf, type Found, type Maker } from './marks.ts'
import { findDrives, remove, type TidyDeps } from './tidy.ts'

/**
 * Another host, which nobody waits for, may have made a config drive for the VM meanwhile: of such drives the one with the
 * lowest uuid stays, whichever host looks. Rejects with a TransientError when that is another one than `mine`, which is
 * gone then. Fine where `mine` has been replaced since.
 */
export async function outdoOthers(
  deps: TidyDeps,
  vm: { readonly ref: string; readonly uuid: string },
  mine: Drive,
  maker: Maker,
): Promise<void> {
  const forever = new AbortController().signal
  // One that is not complete yet is looked at by whoever makes it, once it is.
  const drives = (await findDrives(deps.disks, vm.ref, forever)).filter(
    (found) => isConfigDrive(found) && stageOf(found.drive.otherConfig) === undefined,
  )
  const first = drives.toSorted((a, b) => (a.drive.uuid < b.drive.uuid ? -1 : 1))[0]
  const me = drives.find(({ drive }) => drive.ref === mine.ref)
  if (me === undefined || first === undefined || drives.length === 1) return
  const losers: readonly Found[] = first === me ? drives.filter((each) => each !== me) : [me]
  for (const loser of losers) {
    // Both hosts do this.
    const keys = oldKeys(loser, maker).map((key) => ({ ...key, contested: true }))
    await deps.disks.setKeys(keys, forever)
    await remove(deps, loser, forever)
  }
  if (first === me) return
  throw new TransientError({
    kind: 'busy',
    cause: `Another host has made a config drive for VM ${vm.uuid} at the same moment, and that one stays`,
    cure: 'Look at it (xscontainer config-drive show), and try again if it is not what is wanted',
  })
}

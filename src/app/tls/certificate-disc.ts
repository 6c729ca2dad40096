import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { asError, DiagnosedError, RefusedError, TransientError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import { DiskLeftError, type Disk, type DiskStore, type Drive } from '../../model/disks.ts'
import type { VmRecord } from '../../model/vm.ts'
import { isFailure } from '../../xapi/errors.ts'

const TIDY_MS = 120_000
const NAME = 'Container Management certificates'
/** In other_config of discs of ours. */
const MARK = 'xscontainer-certificates'
/** Kind of the error that names a disc which could not be taken away. */
export const DISC_LEFT = 'disc-left'

interface Deps {
  readonly disks: DiskStore
  readonly clock: Clock
}

/** Storage where the disc may be made, and the drive that it goes into. */
export interface DiscPlace {
  readonly drive: Drive
  /** What is in the drive; it is put back afterwards. */
  readonly held: Disk | undefined
  /** One of ours in the drive, of a command that was killed: it is destroyed. */
  readonly stale?: Disk | undefined
  /** Refs of storage repositories, the most fitting first. */
  readonly storages: readonly string[]
}

/** The CD drive to use: an empty one where there is one. Rejects with a RefusedError when the VM has none. */
export async function findDrive(
  disks: Pick<DiskStore, 'drivesOf' | 'disk'>,
  vm: VmRecord,
  signal: AbortSignal,
): Promise<Omit<DiscPlace, 'storages'>> {
  const drives = (await disks.drivesOf(vm.ref, signal)).filter(({ isCd }) => isCd)
  const drive = drives.find(({ disk }) => disk === undefined) ?? drives[0]
  if (drive === undefined) throw noDrive(vm)
  const inside = drive.disk === undefined ? undefined : await disks.disk(drive.disk, signal)
  return inside?.otherConfig[MARK] === 'True' ? { drive, held: undefined, stale: inside } : { drive, held: inside }
}

/**
 * Makes a disc of the image, puts it into the drive, and does `work`. However that ends, the disc is taken out and
 * destroyed, and what was in the drive before is in it again; when that fails the error names what is left.
 */
export async function withDisc<T>(
  deps: Deps,
  place: DiscPlace,
  image: Buffer,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const disc = await insertDisc(deps, place, image, signal)
  let outcome: { readonly value: T } | { readonly error: unknown }
  try {
    outcome = { value: await work() }
  } catch (error) {
    outcome = { error }
  }
  await tidy(deps, place, disc, true, 'error' in outcome ? outcome.error : undefined)
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

/** On the first storage that takes it: XAPI inserts only what is on storage for ISO files, where that is asked for. */
async function insertDisc(deps: Deps, place: DiscPlace, image: Buffer, signal: AbortSignal): Promise<Disk> {
  const { disks } = deps
  const { drive, held, stale, storages } = place
  if (stale !== undefined) {
    await disks.eject(drive.ref, signal)
    await disks.destroyDisk(stale.ref, signal)
  }
  let last: unknown = noStorage()
  for (const sr of storages) {
    const disc = await disks
      .createDisk(
        {
          sr,
          name: NAME,
          description: 'Server certificate and key for the container engine; destroyed when it is installed',
          content: image,
          otherConfig: { [MARK]: 'True' },
          fileName: `xscontainer-${drive.vm.slice(-12)}.iso`,
        },
        signal,
      )
      .catch((error: unknown) => {
        // What is left of it must not be forgotten over another one that works.
        if (signal.aborted || error instanceof DiskLeftError) throw error
        last = error
      })
    if (disc === undefined) continue
    try {
      if (held !== undefined) await disks.eject(drive.ref, signal)
      await disks.insert(drive.ref, disc.ref, signal)
      return disc
    } catch (error) {
      // An insertion whose answer was lost has put it there all the same.
      const now = await disks.disk(disc.ref, new AbortController().signal).catch(() => undefined)
      await tidy(deps, place, disc, now?.drives.includes(drive.ref) === true, error)
      if (!isFailure(error, 'VDI_IS_NOT_ISO')) throw error
      last = noStorage()
    }
  }
  throw last
}

/** Not with the caller's signal: that may be what ended the work. `before`: what did, if anything. */
async function tidy(
  { disks, clock }: Deps,
  { drive, held }: DiscPlace,
  disc: Disk,
  isInserted: boolean,
  before: unknown,
): Promise<void> {
  const late = { kind: DISC_LEFT, cause: 'XAPI did not let go of it in time', cure: 'Do it by hand' }
  let isGone = false
  try {
    await within(clock, TIDY_MS, new AbortController().signal, late, async (inTime) => {
      if (isInserted) await disks.eject(drive.ref, inTime)
      await disks.destroyDisk(disc.ref, inTime)
      isGone = true
      if (held !== undefined) await putBack(disks, drive, held, inTime)
    })
  } catch (error) {
    throw held !== undefined && isGone
      ? notPutBack(drive, held, asError(error), before)
      : left(drive, disc, asError(error), before)
  }
}

async function putBack(disks: DiskStore, drive: Drive, held: Disk, signal: AbortSignal): Promise<void> {
  try {
    await disks.insert(drive.ref, held.ref, signal)
  } catch (error) {
    if (!isFailure(error, 'VBD_NOT_EMPTY')) throw error
  }
}

function left(drive: Drive, disc: Disk, error: Error, before: unknown): TransientError {
  return new TransientError(
    {
      kind: DISC_LEFT,
      cause: `${first(before)}The disc with the engine's key (VDI ${disc.uuid}) could not be taken out of the CD drive and destroyed: ${cutText(cleanForTerminal(error.message), 200)}`,
      cure: `xe vbd-eject uuid=${drive.uuid}; xe vdi-destroy uuid=${disc.uuid}`,
    },
    { cause: error },
  )
}

function notPutBack(drive: Drive, held: Disk, error: Error, before: unknown): TransientError {
  const name = cutText(cleanForTerminal(held.name), 60)
  return new TransientError(
    {
      kind: 'disc-not-put-back',
      cause: `${first(before)}"${name}" (VDI ${held.uuid}), which was in the CD drive before, could not be put back: ${cutText(cleanForTerminal(error.message), 200)}`,
      cure: `xe vbd-insert uuid=${drive.uuid} vdi-uuid=${held.uuid}`,
    },
    { cause: error },
  )
}

function first(before: unknown): string {
  return before instanceof DiagnosedError ? `${before.diagnosis.cause}. ` : ''
}

function noDrive({ uuid, name }: VmRecord): RefusedError {
  return new RefusedError({
    kind: 'no-cd-drive',
    cause: `VM "${cutText(cleanForTerminal(name), 60)}" has no CD drive to hand it the certificates in`,
    cure: `Shut it down and add one (xe vbd-create vm-uuid=${uuid} device=3 type=CD mode=RO empty=true), or use certificates of your own (--client-cert, --client-key, --ca-cert)`,
  })
}

function noStorage(): RefusedError {
  return new RefusedError({
    kind: 'no-iso-storage',
    cause: "No storage repository for ISO files that can be written to is attached to the VM's host",
    cure: 'Make one (xe sr-create type=iso content-type=iso device-config:location=/var/opt/xen/iso device-config:legacy_mode=true name-label=ISOs), or use certificates of your own (--client-cert, --client-key, --ca-cert)',
  })
}

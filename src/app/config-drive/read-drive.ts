import { asError, DiagnosedError, RefusedError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Disk, DiskStore } from '../../model/disks.ts'
import { readTemplate } from '../../provision/config-drive/config-drive-image.ts'
import { bufferSource } from '../../provision/iso/byte-source.ts'
import { readIso } from '../../provision/iso/read-iso.ts'

/** A config drive has a template and the guest agent; a larger disk is something else. */
const MOST_BYTES = 64 * 1024 * 1024

/** The template of a config drive as the user wrote it, of the predecessor's as well. Rejects with a DiagnosedError. */
export async function readDrive(
  { disks, log }: { readonly disks: DiskStore; readonly log: Log },
  disk: Disk,
  signal: AbortSignal,
): Promise<string> {
  if (disk.bytes > MOST_BYTES) throw notOne(disk, `it has ${Math.round(disk.bytes / 1024 / 1024)} MiB`)
  const image = await contentOf(disks, log, disk, signal)
  try {
    return await readTemplate(await readIso(bufferSource(image)))
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error
    throw notOne(disk, error.diagnosis.cause)
  }
}

/** A running guest may have the disk for itself: then what a snapshot of it has, which goes again. */
async function contentOf(disks: DiskStore, log: Log, disk: Disk, signal: AbortSignal): Promise<Buffer> {
  try {
    return await disks.readDisk(disk, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (disk.drives.length === 0) throw error
    log.info({ err: asError(error), vdi: disk.uuid }, 'the disk cannot be read where it is: reading a snapshot of it')
    return await contentOfSnapshot(disks, disk, signal).catch(() => Promise.reject(asError(error)))
  }
}

async function contentOfSnapshot(disks: DiskStore, disk: Disk, signal: AbortSignal): Promise<Buffer> {
  const ref = await disks.snapshotDisk(disk.ref, signal)
  try {
    const snapshot = await disks.disk(ref, signal)
    return await disks.readDisk(snapshot ?? { ...disk, ref }, signal)
  } finally {
    await disks.destroyDisk(ref, new AbortController().signal)
  }
}

function notOne({ uuid, name }: Disk, why: string): RefusedError {
  return new RefusedError({
    kind: 'not-a-config-drive',
    cause: `VDI ${uuid} "${name}" is not a config drive that can be read: ${why}`,
    cure: 'Choose the VDI with other-config key config-drive; xscontainer config-drive create makes a new one',
  })
}

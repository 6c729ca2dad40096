import { RefusedError, TransientError, type DiagnosedError } from '../base/errors.ts'
import { isFailure } from './errors.ts'

/** Codes of XAPI's, and of storage drivers', for storage without room. 44: LVM; 64 and 78 with words that say so: others. */
const FULL = /^(?:SR_FULL|SR_BACKEND_FAILURE_44|SR_SOURCE_SPACE_INSUFFICIENT)$/
const SAYS_FULL = /no space|insufficient space|not enough (?:free )?space|disk full|sr is full|enospc/i

/** What a failed VDI.create means. */
export function createRefusal(error: unknown, name: string, bytes: number, storage: string): unknown {
  if (isFailure(error, 'SR_OPERATION_NOT_SUPPORTED')) return takesNone(error, storage)
  if (!isFull(error)) return error
  return new RefusedError(
    {
      kind: 'sr-full',
      cause: `Storage repository ${storage} has no room for "${name}" of ${Math.ceil(bytes / 1024 / 1024)} MiB`,
      cure: 'Free space there, or choose another storage repository (xe sr-list)',
    },
    { cause: error },
  )
}

/** A library of ISO files, for example. */
function takesNone(error: unknown, storage: string): RefusedError {
  return new RefusedError(
    {
      kind: 'sr-takes-none',
      cause: `No disks can be made on storage repository ${storage}`,
      cure: 'Choose another one',
    },
    { cause: error },
  )
}

function isFull(error: unknown): boolean {
  const { code, params } = error as { code?: unknown; params?: readonly string[] }
  if (typeof code !== 'string') return false
  return FULL.test(code) || (code.startsWith('SR_BACKEND_FAILURE') && SAYS_FULL.test((params ?? []).join(' ')))
}

export function noPlace(vmName: string): RefusedError {
  return new RefusedError({
    kind: 'no-drive-place',
    cause: `VM ${vmName} has no place left for another drive`,
    cure: 'Remove a disk or CD drive that it does not need (xe vbd-list vm-uuid=.., xe vbd-destroy uuid=..)',
  })
}

/** What a failed VBD.unplug means. */
export function unplugRefusal(error: unknown, place: string): unknown {
  if (
    !isFailure(error, 'DEVICE_DETACH_REJECTED', 'DEVICE_DETACH_TIMEOUT', 'VM_MISSING_PV_DRIVERS', 'VBD_NOT_UNPLUGGABLE')
  )
    return error
  return inUse(`The guest does not let go of its drive ${place} (${error.code})`, error)
}

/** What a failed VBD.plug means. */
export function plugRefusal(error: unknown, place: string): unknown {
  if (isFailure(error, 'VM_MISSING_PV_DRIVERS', 'VM_NO_PV_DRIVERS', 'DEVICE_ATTACH_TIMEOUT')) {
    return new TransientError(
      {
        kind: 'guest-takes-no-drive',
        cause: `The running guest does not take drive ${place} (${error.code})`,
        cure: 'Shut the VM down first: it has the drive when it starts again',
      },
      { cause: error },
    )
  }
  return error
}

function inUse(cause: string, error: unknown): DiagnosedError {
  return new RefusedError(
    {
      kind: 'drive-in-use',
      cause,
      cure: 'Unmount it in the guest (umount /dev/disk/by-label/config-2), or shut the VM down, then try again',
    },
    { cause: error },
  )
}

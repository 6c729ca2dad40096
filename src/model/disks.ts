import { TransientError } from '../base/errors.ts'
import type { Fields } from './fields.ts'

/** A disk image on a storage repository (XAPI's VDI). */
export interface Disk {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  /** Ref of the storage repository. */
  readonly sr: string
  readonly bytes: number
  readonly otherConfig: Fields
  /** Refs of the drives that it is in. */
  readonly drives: readonly string[]
}

/** A drive of a VM with a disk in it, or an empty CD drive (XAPI's VBD). */
export interface Drive {
  readonly ref: string
  readonly uuid: string
  /** Ref of the VM. */
  readonly vm: string
  /** Ref of the disk, undefined: empty. */
  readonly disk: string | undefined
  /** Where on the VM's bus: `0`, `3`. */
  readonly place: string
  readonly isCd: boolean
  readonly readOnly: boolean
  /** Whether the running VM has it now. */
  readonly attached: boolean
  readonly otherConfig: Fields
}

export interface NewDisk {
  /** Ref of the storage repository. */
  readonly sr: string
  readonly name: string
  readonly description: string
  readonly content: Buffer
  readonly otherConfig: Fields
  /** For a storage repository of ISO files: what the file is called, `x.iso`. */
  readonly fileName?: string
}

export interface NewDrive {
  /** Ref of the VM. */
  readonly vm: string
  /** Ref of the disk; undefined makes an empty CD drive. */
  readonly disk: string | undefined
  readonly isCd: boolean
  /** CD drives always are. XAPI plugs no read-only disk into a running HVM guest (DISK_VBD_MUST_BE_READWRITE_FOR_HVM). */
  readonly readOnly: boolean
  /** A free place when left out. */
  readonly place?: string
  readonly otherConfig: Fields
}

/** One key of a disk's or a drive's other_config; undefined: absent. */
export interface DiskKey {
  readonly of: 'disk' | 'drive'
  readonly ref: string
  readonly key: string
  readonly value: string | undefined
  /** Known not to be there: nothing is removed before. */
  readonly isNew?: boolean
  /** Another host may change it at the same moment: that it is gone, or has the key already, is fine. */
  readonly contested?: boolean
}

/** A disk could not be made, and what there is of it could not be destroyed; the diagnosis names it. */
export class DiskLeftError extends TransientError {}

/**
 * Disks and drives of the pool. Everything rejects with a DiagnosedError that names what it was about; what is to be
 * destroyed and is gone already counts as destroyed.
 */
export interface DiskStore {
  /** The VM's drives by their place. */
  drivesOf(vmRef: string, signal: AbortSignal): Promise<readonly Drive[]>
  /** undefined: there is none. */
  disk(ref: string, signal: AbortSignal): Promise<Disk | undefined>
  diskByUuid(uuid: string, signal: AbortSignal): Promise<Disk | undefined>
  /** A disk with this content, padded with zeros; complete when it resolves. When it rejects nothing of it is left, or it is a DiskLeftError. */
  createDisk(wish: NewDisk, signal: AbortSignal): Promise<Disk>
  /** Disks of exactly this name. */
  disksNamed(name: string, signal: AbortSignal): Promise<readonly Disk[]>
  /** All bytes of the disk. */
  readDisk(disk: Disk, signal: AbortSignal): Promise<Buffer>
  /** Ref of a new disk with what this one holds now; to be destroyed. */
  snapshotDisk(ref: string, signal: AbortSignal): Promise<string>
  destroyDisk(ref: string, signal: AbortSignal): Promise<void>
  /** A running VM has it only after `plug`. Rejects (kind `no-drive-place`) when the VM has no place left. */
  createDrive(wish: NewDrive, signal: AbortSignal): Promise<Drive>
  /** It must not be attached. */
  destroyDrive(ref: string, signal: AbortSignal): Promise<void>
  plug(ref: string, signal: AbortSignal): Promise<void>
  /** Rejects (kind `drive-in-use`) when the guest does not let go of it. */
  unplug(ref: string, signal: AbortSignal): Promise<void>
  /** Puts the disk in an empty CD drive. XAPI wants one of a storage repository of ISO files there (VDI_IS_NOT_ISO). */
  insert(driveRef: string, diskRef: string, signal: AbortSignal): Promise<void>
  /** Empties a CD drive; fine where it is empty. */
  eject(driveRef: string, signal: AbortSignal): Promise<void>
  /** Sets keys in this order, with the least possible time between them. */
  setKeys(keys: readonly DiskKey[], signal: AbortSignal): Promise<void>
}

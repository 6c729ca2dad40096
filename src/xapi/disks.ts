import type { Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { diagnosisOf } from '../base/errors.ts'
import {
  DiskLeftError,
  type Disk,
  type DiskKey,
  type DiskStore,
  type Drive,
  type NewDisk,
  type NewDrive,
} from '../model/disks.ts'
import { diskOf, driveOf, texts } from './disk-records.ts'
import { createRefusal, noPlace, plugRefusal, unplugRefusal } from './disk-errors.ts'
import { isFailure, isNotOffered, unexpectedAnswer } from './errors.ts'
import { downloadRawVdi, uploadRawVdi, type RawVdiDeps } from './raw-vdi.ts'
import type { XapiCall, XapiSession } from './session.ts'
import { isRecord } from './wire.ts'

export interface XapiDisksDeps extends RawVdiDeps {
  readonly clock: Clock
  /** A patient one: storage and guests take their time. */
  readonly session: Pick<XapiSession, 'call' | 'burst' | 'reference'>
}

/** Smallest disk, and what sizes are multiples of: VHD's blocks. */
const BLOCK_BYTES = 2 * 1024 * 1024
/** XAPI may still be letting go of a disk whose upload was cut off. */
const LET_GO_MS = 30_000
const LET_GO_LOOK_MS = 300
/** Places 0 and 3 are where installers look for the first disk and the CD. */
const LAST_PLACES: readonly string[] = ['3', '0']
/** Where XAPI does not say what is free. */
const ALL_PLACES = Array.from({ length: 16 }, (_, i) => String(i))
const NULL_REF = 'OpaqueRef:NULL'

/** XAPI's VDIs and VBDs. */
export class XapiDisks implements DiskStore {
  readonly #deps: XapiDisksDeps

  constructor(deps: XapiDisksDeps) {
    this.#deps = deps
  }

  async drivesOf(vmRef: string, signal: AbortSignal): Promise<Drive[]> {
    const refs = await this.#call('VM.get_VBDs', [vmRef], signal)
    const drives = await Promise.all(texts(refs).map((ref) => this.#drive(ref, signal)))
    return drives.filter((drive) => drive !== undefined).sort((a, b) => Number(a.place) - Number(b.place))
  }

  disk(ref: string, signal: AbortSignal): Promise<Disk | undefined> {
    return ifThere(async () => diskOf(ref, await this.#call('VDI.get_record', [ref], signal)))
  }

  diskByUuid(uuid: string, signal: AbortSignal): Promise<Disk | undefined> {
    return ifThere(async () => this.disk(String(await this.#call('VDI.get_by_uuid', [uuid], signal)), signal))
  }

  async disksNamed(name: string, signal: AbortSignal): Promise<Disk[]> {
    const records = await this.#records(name, signal)
    return Object.entries(isRecord(records) ? records : {}).flatMap(([ref, record]) => {
      const disk = diskOf(ref, record)
      return disk?.name === name ? [disk] : []
    })
  }

  async createDisk(wish: NewDisk, signal: AbortSignal): Promise<Disk> {
    const bytes = Math.max(1, Math.ceil(wish.content.length / BLOCK_BYTES)) * BLOCK_BYTES
    const ref = await this.#createVdi(wish, bytes, signal)
    try {
      const disk = await this.disk(ref, signal)
      if (disk === undefined) throw unexpectedAnswer('a new VDI that is not there')
      await uploadRawVdi(this.#deps, disk, wish.content, signal)
      return disk
    } catch (error) {
      await this.#destroyAfter(error, ref)
      throw error
    }
  }

  readDisk(disk: Disk, signal: AbortSignal): Promise<Buffer> {
    return downloadRawVdi(this.#deps, disk, signal)
  }

  async snapshotDisk(ref: string, signal: AbortSignal): Promise<string> {
    return String(await this.#change('VDI.snapshot', [ref, {}], signal))
  }

  async destroyDisk(ref: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const end = clock.monotonic() + LET_GO_MS
    for (;;) {
      try {
        return await goneIsFine(this.#change('VDI.destroy', [ref], signal))
      } catch (error) {
        if (!isFailure(error, 'VDI_IN_USE', 'OTHER_OPERATION_IN_PROGRESS') || clock.monotonic() > end) throw error
        await clock.sleep(LET_GO_LOOK_MS, signal)
      }
    }
  }

  async createDrive(wish: NewDrive, signal: AbortSignal): Promise<Drive> {
    const places = wish.place === undefined ? await this.#freePlaces(wish.vm, signal) : [wish.place]
    for (const place of places) {
      const ref = await this.#createVbd(wish, place, signal)
      const drive = ref === undefined ? undefined : await this.#drive(ref, new AbortController().signal)
      if (drive !== undefined) return drive
    }
    throw noPlace(`"${String(await this.#call('VM.get_name_label', [wish.vm], signal))}"`)
  }

  async destroyDrive(ref: string, signal: AbortSignal): Promise<void> {
    await goneIsFine(this.#change('VBD.destroy', [ref], signal))
  }

  async plug(ref: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#change('VBD.plug', [ref], signal)
    } catch (error) {
      if (!isFailure(error, 'DEVICE_ALREADY_ATTACHED')) throw plugRefusal(error, await this.#placeOf(ref, signal))
    }
  }

  async unplug(ref: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#change('VBD.unplug', [ref], signal)
    } catch (error) {
      if (!isFailure(error, 'DEVICE_ALREADY_DETACHED', 'HANDLE_INVALID'))
        throw unplugRefusal(error, await this.#placeOf(ref, signal))
    }
  }

  async insert(driveRef: string, diskRef: string, signal: AbortSignal): Promise<void> {
    await this.#change('VBD.insert', [driveRef, diskRef], signal)
  }

  async eject(driveRef: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#change('VBD.eject', [driveRef], signal)
    } catch (error) {
      if (!isFailure(error, 'VBD_IS_EMPTY', 'HANDLE_INVALID')) throw error
    }
  }

  async setKeys(keys: readonly DiskKey[], signal: AbortSignal): Promise<void> {
    const calls = keys.flatMap((key) => callsFor(key).map((call) => ({ call, contested: key.contested === true })))
    const results = await this.#deps.session.burst(
      calls.map(({ call }) => call),
      signal,
    )
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') continue
      if (calls[i]?.contested !== true || !isFailure(result.reason, 'HANDLE_INVALID', 'MAP_DUPLICATE_KEY'))
        throw result.reason
    }
  }

  async #drive(ref: string, signal: AbortSignal): Promise<Drive | undefined> {
    return ifThere(async () => driveOf(ref, await this.#call('VBD.get_record', [ref], signal)))
  }

  async #createVdi({ sr, name, description, otherConfig, fileName }: NewDisk, bytes: number, signal: AbortSignal) {
    const record = {
      name_label: name,
      name_description: description,
      SR: sr,
      virtual_size: String(bytes),
      type: 'user',
      sharable: false,
      read_only: false,
      other_config: otherConfig,
      sm_config: fileName === undefined ? {} : { path: fileName },
      xenstore_data: {},
      tags: [],
    }
    try {
      return String(await this.#change('VDI.create', [record], signal))
    } catch (error) {
      const storage = await this.#call('SR.get_name_label', [sr], signal).catch(() => sr)
      throw createRefusal(error, name, bytes, `"${String(storage)}"`)
    }
  }

  /** undefined: the place is taken. */
  async #createVbd({ vm, disk, isCd, readOnly, otherConfig }: NewDrive, place: string, signal: AbortSignal) {
    const record = {
      VM: vm,
      VDI: disk ?? NULL_REF,
      userdevice: place,
      bootable: false,
      mode: isCd || readOnly ? 'RO' : 'RW',
      type: isCd ? 'CD' : 'Disk',
      unpluggable: true,
      empty: disk === undefined,
      other_config: otherConfig,
      qos_algorithm_type: '',
      qos_algorithm_params: {},
    }
    try {
      return String(await this.#change('VBD.create', [record], signal))
    } catch (error) {
      if (isFailure(error, 'DEVICE_ALREADY_EXISTS', 'INVALID_DEVICE')) return undefined
      throw error
    }
  }

  async #freePlaces(vmRef: string, signal: AbortSignal): Promise<string[]> {
    const free = await this.#call('VM.get_allowed_VBD_devices', [vmRef], signal).catch((error: unknown) => {
      if (isNotOffered(error)) return ALL_PLACES
      throw error
    })
    const usual = texts(free).filter((place) => !LAST_PLACES.includes(place))
    return [...usual, ...LAST_PLACES.filter((place) => texts(free).includes(place))]
  }

  /** Whatever it was that failed, the caller's signal may have been it. */
  async #destroyAfter(error: unknown, ref: string): Promise<void> {
    const forever = new AbortController().signal
    const late = { kind: 'vdi-left', cause: 'The storage did not let go of it', cure: 'Destroy it by hand' }
    try {
      await within(this.#deps.clock, LET_GO_MS * 2, forever, late, (inTime) => this.destroyDisk(ref, inTime))
    } catch {
      const uuid = await this.#call('VDI.get_uuid', [ref], forever).catch(() => ref)
      const { kind, cause, cure } = diagnosisOf(error)
      const left = `VDI ${String(uuid)}, which was made for it, could not be destroyed`
      throw new DiskLeftError({
        kind,
        cause: `${cause}. ${left}`,
        cure: `${cure}; xe vdi-destroy uuid=${String(uuid)}`,
      })
    }
  }

  async #placeOf(ref: string, signal: AbortSignal): Promise<string> {
    return String(await this.#call('VBD.get_userdevice', [ref], signal).catch(() => '?'))
  }

  async #records(name: string, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#call('VDI.get_all_records_where', [`field "name__label" = "${name}"`], signal)
    } catch (error) {
      if (!isNotOffered(error) && !isFailure(error, 'INTERNAL_ERROR')) throw error
      return this.#call('VDI.get_all_records', [], signal)
    }
  }

  /** Once begun it is waited for: whoever is interrupted takes back what was done, and so has to know what that is. */
  #change(method: string, params: XapiCall['params'], signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    return this.#call(method, params, new AbortController().signal)
  }

  #call(method: string, params: XapiCall['params'], signal: AbortSignal): Promise<unknown> {
    return this.#deps.session.call(method, params, signal)
  }
}

function callsFor({ of, ref, key, value, isNew }: DiskKey): XapiCall[] {
  const cls = of === 'disk' ? 'VDI' : 'VBD'
  const remove = { method: `${cls}.remove_from_other_config`, params: [ref, key] }
  if (value === undefined) return [remove]
  const add = { method: `${cls}.add_to_other_config`, params: [ref, key, value] }
  return isNew === true ? [add] : [remove, add]
}

async function ifThere<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (isFailure(error, 'HANDLE_INVALID', 'UUID_INVALID')) return undefined
    throw error
  }
}

async function goneIsFine(call: Promise<unknown>): Promise<void> {
  await ifThere(() => call)
}

import { beforeEach, describe, expect, test } from 'vitest'
import { DiagnosedError, StoppedError, TransientError } from '../../../src/base/errors.ts'
import { DiskLeftError, type Disk, type DiskStore, type Drive } from '../../../src/model/disks.ts'
import type { VmRecord } from '../../../src/model/vm.ts'
import { findDrive, withDisc, type DiscPlace } from '../../../src/app/tls/certificate-disc.ts'
import { XapiFailure } from '../../../src/xapi/errors.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { vm } from '../../monitor/fixtures.ts'

const SIGNAL = new AbortController().signal
const WINDOWS: Disk = {
  ref: 'held',
  uuid: 'uuid-held',
  name: 'windows.iso',
  sr: 'iso',
  bytes: 1,
  otherConfig: {},
  drives: [],
}
const VM: VmRecord = vm()

describe('a disc for a guest', () => {
  let calls: string[]
  let drives: Drive[]
  /** Fails the call of this name that has this argument. */
  let failing: Map<string, Error>
  beforeEach(() => {
    calls = []
    failing = new Map()
    drives = []
  })

  const drive = (place: string, disk: string | undefined, isCd = true): Drive => ({
    ...{ ref: `drive-${place}`, uuid: `uuid-drive-${place}`, vm: VM.ref, disk, place, isCd },
    ...{ readOnly: isCd, attached: true, otherConfig: {} },
  })
  const call = (name: string, ...args: string[]): Promise<void> => {
    const text = [name, ...args].join(' ')
    calls.push(text)
    const error = failing.get(text) ?? failing.get(name)
    return error === undefined ? Promise.resolve() : Promise.reject(error)
  }
  const disks = {
    drivesOf: () => Promise.resolve(drives),
    disk: (ref: string) => Promise.resolve(ref === 'held' ? WINDOWS : undefined),
    createDisk: async ({ sr, content }: { sr: string; content: Buffer }) => {
      await call('create', sr)
      expect(content.toString()).toBe('image')
      return { ...WINDOWS, ref: `disc-${sr}`, uuid: `uuid-disc-${sr}`, name: 'certificates', sr }
    },
    insert: (where: string, what: string) => call('insert', where, what),
    eject: (where: string) => call('eject', where),
    destroyDisk: (ref: string) => call('destroy', ref),
  } as unknown as DiskStore
  const place = (held?: Disk, storages = ['iso', 'local']): DiscPlace => ({
    drive: drive('3', held?.ref),
    held,
    storages,
  })
  const use = (where: DiscPlace, work: () => Promise<string> = () => Promise.resolve('worked')) =>
    withDisc({ disks, clock: new FakeClock() }, where, Buffer.from('image'), SIGNAL, work)
  const failure = (code: string) => new XapiFailure('VBD.insert', [code])
  const refusal = async (work: Promise<unknown>): Promise<DiagnosedError> => {
    const error = await work.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DiagnosedError)
    return error as DiagnosedError
  }

  test('goes into an empty CD drive where there is one, and nowhere without one', async () => {
    await expect(findDrive(disks, VM, SIGNAL)).rejects.toMatchObject({ diagnosis: { kind: 'no-cd-drive' } })
    drives = [drive('0', 'system', false), drive('2', 'held'), drive('3', undefined)]
    expect(await findDrive(disks, VM, SIGNAL)).toMatchObject({ drive: { place: '3' }, held: undefined })
    drives.pop()
    expect(await findDrive(disks, VM, SIGNAL)).toMatchObject({ drive: { place: '2' }, held: WINDOWS })
  })

  test('is taken out and destroyed after the work, also when that fails; what was in the drive is put back', async () => {
    expect(await use(place())).toBe('worked')
    expect(calls).toEqual(['create iso', 'insert drive-3 disc-iso', 'eject drive-3', 'destroy disc-iso'])
    calls = []
    const why = new Error('nobody ran the script')
    await expect(use(place(WINDOWS), () => Promise.reject(why))).rejects.toBe(why)
    expect(calls).toEqual([
      ...['create iso', 'eject drive-3', 'insert drive-3 disc-iso'],
      ...['eject drive-3', 'destroy disc-iso', 'insert drive-3 held'],
    ])
  })

  test('one that a killed command has left is destroyed, and not put back', async () => {
    const stale = { ...WINDOWS, ref: 'stale', otherConfig: { 'xscontainer-certificates': 'True' } }
    drives = [drive('3', 'stale')]
    const found = await findDrive({ ...disks, disk: () => Promise.resolve(stale) }, VM, SIGNAL)
    expect(found).toMatchObject({ held: undefined, stale: { ref: 'stale' } })
    await use({ ...found, storages: ['iso'] })
    expect(calls).toEqual([
      ...['eject drive-3', 'destroy stale', 'create iso', 'insert drive-3 disc-iso'],
      ...['eject drive-3', 'destroy disc-iso'],
    ])
  })

  test('is made on the next storage when one is full or not for discs, and nothing stays on the first', async () => {
    failing.set('create iso', new TransientError({ kind: 'sr-full', cause: 'Full', cure: 'Make room' }))
    expect(await use(place())).toBe('worked')
    failing = new Map([['insert drive-3 disc-iso', failure('VDI_IS_NOT_ISO')]])
    calls = []
    expect(await use(place(WINDOWS))).toBe('worked')
    expect(calls.slice(0, 5)).toEqual([
      ...['create iso', 'eject drive-3', 'insert drive-3 disc-iso'],
      ...['destroy disc-iso', 'insert drive-3 held'],
    ])
    expect(calls.slice(-3)).toEqual(['eject drive-3', 'destroy disc-local', 'insert drive-3 held'])
  })

  test('no storage at all, or none that takes it: the reason of the last one', async () => {
    expect((await refusal(use(place(undefined, [])))).diagnosis.kind).toBe('no-iso-storage')
    failing.set('insert', failure('VDI_IS_NOT_ISO'))
    expect((await refusal(use(place()))).diagnosis).toMatchObject({
      kind: 'no-iso-storage',
      cure: expect.stringContaining('xe sr-create type=iso') as string,
    })
    failing = new Map([['create', new TransientError({ kind: 'sr-full', cause: 'Full', cure: 'Make room' })]])
    expect((await refusal(use(place()))).diagnosis.kind).toBe('sr-full')
  })

  test('one that could not be put in is named when it cannot be destroyed, and so is what is not put back', async () => {
    failing.set('insert drive-3 disc-iso', failure('INTERNAL_ERROR'))
    failing.set('destroy', new TransientError({ kind: 'in-use', cause: 'In use', cure: 'Wait' }))
    expect((await refusal(use(place()))).diagnosis).toMatchObject({
      kind: 'disc-left',
      cause: expect.stringMatching(/VBD\.insert.*VDI uuid-disc-iso.*In use/) as string,
    })
    failing = new Map([['insert drive-3 held', failure('INTERNAL_ERROR')]])
    expect((await refusal(use(place(WINDOWS)))).diagnosis).toEqual({
      kind: 'disc-not-put-back',
      cause: expect.stringMatching(/^"windows\.iso" \(VDI uuid-held\).*could not be put back/) as string,
      cure: 'xe vbd-insert uuid=uuid-drive-3 vdi-uuid=uuid-held',
    })
  })

  test('one of which something is left is not made elsewhere: that would hide it', async () => {
    const left = new DiskLeftError({ kind: 'sr-full', cause: 'VDI x could not be destroyed', cure: 'xe vdi-destroy' })
    failing.set('create iso', left)
    await expect(use(place())).rejects.toBe(left)
    expect(calls).toEqual(['create iso'])
  })

  test('one that is interrupted while it is made: what is left of it is named', async () => {
    const stop = new AbortController()
    const left = new TransientError({ kind: 'stopped', cause: 'VDI x could not be destroyed', cure: 'xe vdi-destroy' })
    const store = {
      ...disks,
      createDisk: () => {
        stop.abort(new StoppedError('Ctrl-C'))
        return Promise.reject(left)
      },
    }
    const deps = { disks: store as unknown as DiskStore, clock: new FakeClock() }
    const work = withDisc(deps, place(), Buffer.from('image'), stop.signal, () => Promise.resolve())
    await expect(work).rejects.toBe(left)
  })

  test('one that cannot be taken away is named with the commands for it, after what went wrong before', async () => {
    failing.set('destroy', new TransientError({ kind: 'in-use', cause: 'In use', cure: 'Wait' }))
    const { diagnosis } = await refusal(
      use(place(), () => Promise.reject(new TransientError({ kind: 'x', cause: 'Nobody ran it', cure: 'Run it' }))),
    )
    expect(diagnosis).toEqual({
      kind: 'disc-left',
      cause: expect.stringMatching(/^Nobody ran it\. .*VDI uuid-disc-iso.*In use/) as string,
      cure: 'xe vbd-eject uuid=uuid-drive-3; xe vdi-destroy uuid=uuid-disc-iso',
    })
  })
})

import { describe, expect, test } from 'vitest'
import type { TransientError } from '../../../src/base/errors.ts'
import { XapiError } from '../../sim/xapi/xapi-error.ts'
import { config, TEMPLATE, useOperationSim } from './sim-host.ts'

const sim = useOperationSim()
const NEW_TEMPLATE = TEMPLATE.replace('#cloud-config', '#cloud-config\n# new')

/** Before the n-th call of the method from now on XAPI says this. */
function failAt(method: string, nth: number, ...description: [string, ...string[]]): void {
  let seen = 0
  sim.pool.before(method, () => {
    if (++seen === nth) throw new XapiError(...description)
  })
}

const STATES = ['Halted', 'Running'] as const

describe.each(STATES)('the VM is %s', (state) => {
  test('the first drive', async () => {
    const vm = sim.vm(state)
    const uuid = await sim.create(vm)
    const [drive, ...others] = sim.drives(vm)
    expect(others).toEqual([])
    expect(drive?.vdi['uuid']).toBe(uuid)
    expect(config(drive!.vdi)).toEqual({ 'config-drive': 'True' })
    expect(config(drive!.vbd)).toEqual({ 'config-drive': 'True', owner: '' })
    expect(drive?.vbd['currently_attached']).toBe(state === 'Running')
    // Not where installers look for the first disk, nor where the CD is.
    expect(drive?.vbd['userdevice']).toBe('1')
  })

  test('a second one takes its place, with its disk', async () => {
    const vm = sim.vm(state)
    const before = await sim.create(vm)
    const uuid = await sim.create(vm, NEW_TEMPLATE)
    expect(sim.drives(vm).map(({ vdi }) => vdi['uuid'])).toEqual([uuid])
    expect(sim.marked(vm)).toHaveLength(1)
    expect(sim.disks()).not.toContain(before)
  })

  // Which call of those that make the new drive fails; the old one must be as it was.
  const marks = [
    ['VBD.add_to_other_config', 1, ['INTERNAL_ERROR', 'x']],
    ['VDI.add_to_other_config', 1, ['INTERNAL_ERROR', 'x']],
    ['VBD.remove_from_other_config', 1, ['INTERNAL_ERROR', 'x']],
    ['VBD.remove_from_other_config', 2, ['INTERNAL_ERROR', 'x']],
    ['VDI.remove_from_other_config', 1, ['INTERNAL_ERROR', 'x']],
    ['VDI.remove_from_other_config', 2, ['INTERNAL_ERROR', 'x']],
  ] as const
  const early: readonly (readonly [string, number, readonly [string, ...string[]]])[] =
    state === 'Halted'
      ? marks
      : [
          ['VDI.create', 1, ['SR_BACKEND_FAILURE_1', '', 'x', '']],
          ['task.create', 1, ['INTERNAL_ERROR', 'x']],
          ['VBD.create', 1, ['SR_HAS_NO_PBDS', 'x']],
          ['VBD.plug', 1, ['SR_BACKEND_FAILURE_46', '', 'x', '']],
          ['VBD.unplug', 1, ['DEVICE_DETACH_REJECTED', 'VBD', 'x', 'in use']],
          ['VBD.add_to_other_config', 1, ['INTERNAL_ERROR', 'x']],
        ]
  test.each(early)(
    '%s fails (call %i, %j): the VM keeps its drive, and nothing is left',
    async (method, nth, description) => {
      const vm = sim.vm(state)
      await sim.create(vm)
      const before = sim.drives(vm)
      const disks = sim.disks()
      failAt(method, nth, ...description)
      await expect(sim.create(vm, NEW_TEMPLATE)).rejects.toMatchObject({ diagnosis: { cause: /./, cure: /./ } })
      expect(sim.drives(vm)).toEqual(before)
      expect(sim.disks()).toEqual(disks)
      // And the next one is fine.
      const uuid = await sim.create(vm, NEW_TEMPLATE)
      expect(sim.drives(vm).map(({ vdi }) => vdi['uuid'])).toEqual([uuid])
    },
  )

  test.each(['VBD.destroy', 'VDI.destroy'])(
    '%s of the old drive fails: the new one counts, the old one is named and goes the next time',
    async (method) => {
      const vm = sim.vm(state)
      const before = await sim.create(vm)
      failAt(method, 1, 'OPERATION_NOT_ALLOWED', 'x')
      const uuid = await sim.create(vm, NEW_TEMPLATE)
      expect(sim.marked(vm).map(({ vdi }) => vdi['uuid'])).toEqual([uuid])
      expect(sim.disks()).toContain(before)
      expect(sim.recording.lines.at(-2)).toMatchObject({ level: 'warn', vdi: before })
      const next = await sim.create(vm)
      expect(sim.drives(vm).map(({ vdi }) => vdi['uuid'])).toEqual([next])
      expect(sim.disks()).not.toContain(before)
    },
  )
})

test('the upload is cut off: nothing of it is left', async () => {
  const vm = sim.vm()
  const disks = sim.disks()
  sim.pool.transferFaults.cutAfter = 0
  await expect(sim.create(vm)).rejects.toThrow(/Upload to VDI .*VDI_IO_ERROR/)
  expect(sim.drives(vm)).toEqual([])
  expect(sim.disks()).toEqual(disks)
  expect([...sim.pool.db.rows('task')]).toEqual([])
})

test('the upload is cut off and the disk cannot be destroyed either: it is named with the command, and goes the next time', async () => {
  const vm = sim.vm()
  sim.pool.transferFaults.cutAfter = 0
  failAt('VDI.destroy', 1, 'SR_BACKEND_FAILURE_1', '', 'x', '')
  const error = await sim.create(vm).catch((thrown: unknown) => thrown)
  const left = /xe vdi-destroy uuid=([0-9a-f-]{36})/.exec(String(error))?.[1]
  expect(sim.disks()).toContain(left)
  sim.pool.transferFaults.cutAfter = undefined
  const uuid = await sim.create(vm)
  expect(sim.disks()).toContain(uuid)
  expect(sim.disks()).not.toContain(left)
})

test('the storage is full: it is named', async () => {
  const vm = sim.vm()
  const sr = sim.pool.db.row('SR', sim.pool.objects.sr)
  const size = sr.get('physical_size')
  sim.pool.db.set(sr, 'physical_size', '0')
  await expect(sim.create(vm)).rejects.toMatchObject({
    name: 'RefusedError',
    diagnosis: { kind: 'sr-full', cause: /"Shared storage" has no room/, cure: /xe sr-list/ },
  })
  sim.pool.db.set(sr, 'physical_size', size)
  expect(sim.drives(vm)).toEqual([])
})

test('the VM has no place left for a drive: it is named, and nothing is left', async () => {
  const vm = sim.vm('Halted', 'packed')
  for (let place = 1; place < 7; place++) {
    const vdi = await sim.call('VDI.create', vdiRecord())
    await sim.call('VBD.create', { ...vbdRecord(vm.ref, String(vdi)), userdevice: String(place) })
  }
  const disks = sim.disks()
  await expect(sim.create(vm)).rejects.toMatchObject({
    diagnosis: { kind: 'no-drive-place', cause: 'VM "packed" has no place left for another drive' },
  })
  expect(sim.disks()).toEqual(disks)
})

test('a guest that does not let go of its old drive keeps it; the error says how it would', async () => {
  const vm = sim.vm('Running')
  await sim.create(vm)
  const before = sim.drives(vm)
  failAt('VBD.unplug', 1, 'DEVICE_DETACH_TIMEOUT', 'VBD', 'x')
  await expect(sim.create(vm)).rejects.toMatchObject({
    diagnosis: {
      kind: 'drive-in-use',
      cause: /does not let go of its drive 1/,
      cure: /umount .*config-2.*shut the VM down/,
    },
  })
  expect(sim.drives(vm)).toEqual(before)
})

test('a running guest without drivers has the drive at its next start', async () => {
  const vm = sim.vm('Running')
  failAt('VBD.plug', 1, 'VM_MISSING_PV_DRIVERS', vm.ref)
  await sim.create(vm)
  expect(sim.marked(vm)[0]?.vbd['currently_attached']).toBe(false)
})

test('a guest without emulated hardware gets it read-only', async () => {
  const vm = sim.vm('Running')
  for (const [field, value] of [
    ['HVM_boot_policy', ''],
    ['domain_type', 'pv'],
  ] as const)
    sim.pool.db.set(sim.pool.db.row('VM', vm.ref), field, value)
  await sim.create(vm)
  expect(sim.marked(vm)[0]?.vbd).toMatchObject({ mode: 'RO', currently_attached: true })
})

test('a suspended VM keeps its drive', async () => {
  const vm = sim.vm('Running')
  await sim.create(vm)
  sim.pool.setPower(vm, 'Suspended')
  await expect(sim.create(vm)).rejects.toMatchObject({ diagnosis: { kind: 'vm-sleeps', cause: /is suspended/ } })
  expect(sim.marked(vm)).toHaveLength(1)
})

test("the predecessor's drive, of which only the disk is marked, is replaced too", async () => {
  const vm = sim.vm()
  const vdi = String(await sim.call('VDI.create', { ...vdiRecord(), other_config: { 'config-drive': 'True' } }))
  await sim.call('VBD.create', { ...vbdRecord(vm.ref, vdi), userdevice: '1' })
  const uuid = await sim.create(vm)
  expect(sim.drives(vm).map(({ vdi: { uuid: each } }) => each)).toEqual([uuid])
})

test('a disk that another VM has in a drive as well stays', async () => {
  const [vm, other] = [sim.vm(), sim.vm()]
  const vdi = String(await sim.call('VDI.create', { ...vdiRecord(), other_config: { 'config-drive': 'True' } }))
  for (const each of [vm, other]) await sim.call('VBD.create', { ...vbdRecord(each.ref, vdi), userdevice: '1' })
  const uuid = await sim.create(vm)
  expect(sim.drives(vm).map(({ vdi: { uuid: each } }) => each)).toEqual([uuid])
  expect(sim.drives(other).map(({ vdi: each }) => config(each)['config-drive'])).toEqual(['True'])
})

test('two drives that are marked become one', async () => {
  const vm = sim.vm()
  await sim.create(vm)
  const vdi = String(await sim.call('VDI.create', { ...vdiRecord(), other_config: { 'config-drive': 'True' } }))
  const extra = { ...vbdRecord(vm.ref, vdi), userdevice: '5', other_config: { 'config-drive': 'True' } }
  await sim.call('VBD.create', extra)
  const uuid = await sim.create(vm)
  expect(sim.drives(vm).map(({ vdi: { uuid: each } }) => each)).toEqual([uuid])
})

test('many at once for one VM: each in its turn, one drive at the end', async () => {
  const vm = sim.vm('Running')
  const uuids = await Promise.all(['a', 'b', 'c'].map((name) => sim.create(vm, `${TEMPLATE}# ${name}\n`)))
  expect(new Set(uuids).size).toBe(3)
  expect(sim.drives(vm)).toHaveLength(1)
  expect(uuids).toContain(sim.marked(vm)[0]?.vdi['uuid'])
})

test.each(STATES)(
  'two hosts at the same moment for one VM that is %s: one drive, of the host that says so, and the other one says why not',
  async (state) => {
    const vm = sim.vm(state)
    await sim.create(vm)
    // Neither marks its drive before both have one.
    let arrived = 0
    let bothThere = () => {}
    const both = new Promise<void>((resolve) => (bothThere = resolve))
    sim.pool.before('VBD.create', () => void (++arrived === 2 && bothThere()))
    sim.pool.before('VBD.remove_from_other_config', () => both)
    const made = await Promise.allSettled(sim.pool.hosts.map((host) => sim.create(vm, NEW_TEMPLATE, undefined, host)))
    const [drive, ...others] = sim.drives(vm)
    expect(others).toEqual([])
    expect(config(drive!.vbd)['config-drive']).toBe('True')
    expect(sim.disks()).toContain(drive!.vdi['uuid'])
    const told = made.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as TransientError)))
    // Whoever was done before the other one has begun to look is right as well.
    expect(told).toContain(drive!.vdi['uuid'])
    for (const one of told.filter((each) => typeof each !== 'string')) {
      expect(one).toMatchObject({ name: 'TransientError', diagnosis: { kind: 'busy', cause: /that one stays/ } })
    }
  },
)

function vdiRecord() {
  return {
    name_label: 'Automatic Config Drive',
    name_description: '',
    SR: sim.pool.objects.sr,
    virtual_size: '2097152',
    type: 'user',
    sharable: false,
    read_only: false,
    other_config: {},
  }
}

function vbdRecord(vm: string, vdi: string) {
  const rest = { bootable: false, mode: 'RO', type: 'Disk', unpluggable: true, empty: false }
  return { VM: vm, VDI: vdi, ...rest, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} }
}

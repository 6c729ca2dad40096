import { describe, expect, test } from 'vitest'

import { useTestPool } from './test-pool.ts'
import { methodCall } from './wire-client.ts'

const sim = useTestPool()
const vmCall = (method: string, ref: string, ...params: (string | boolean)[]) =>
  sim.client.call(`VM.${method}`, sim.session, ref, ...params)

describe('power states', () => {
  test('a tour through them', async () => {
    const { ref } = sim.pool.createVm({ name: 'tour', host: sim.member })
    const state = () => sim.pool.record('VM', ref)
    await vmCall('suspend', ref)
    expect(state()).toMatchObject({ power_state: 'Suspended', resident_on: 'OpaqueRef:NULL' })
    await vmCall('resume', ref, false, false)
    expect(state()).toMatchObject({ power_state: 'Running', resident_on: sim.member.ref })
    const domid = state()?.domid
    await vmCall('clean_reboot', ref)
    expect(state()).toMatchObject({ power_state: 'Running', resident_on: sim.member.ref })
    expect(state()?.domid).not.toBe(domid)
    await vmCall('pause', ref)
    expect(state()).toMatchObject({ power_state: 'Paused', resident_on: sim.member.ref })
    await vmCall('unpause', ref)
    await vmCall('hard_shutdown', ref)
    expect(state()).toMatchObject({ power_state: 'Halted', resident_on: 'OpaqueRef:NULL', domid: -1 })
    await vmCall('start_on', ref, sim.coordinator.ref, false, false)
    expect(state()).toMatchObject({ power_state: 'Running', resident_on: sim.coordinator.ref })
    const migrate = methodCall('VM.pool_migrate', [sim.session, ref, sim.member.ref, {}])
    expect((await sim.client.post(migrate))?.body).toContain('Success')
    expect(state()).toMatchObject({ power_state: 'Running', resident_on: sim.member.ref })
  })

  test.each([
    ['start', 'Running', 'halted|running'],
    ['clean_shutdown', 'Halted', 'running|halted'],
    ['resume', 'Running', 'suspended|running'],
    ['destroy', 'Running', 'halted|running'],
  ] as const)('%s of a %s VM is refused', async (method, powerState, states) => {
    const { ref } = sim.pool.createVm({ name: 'refused', powerState })
    const flags = method === 'start' || method === 'resume' ? [false, false] : []
    await expect(vmCall(method, ref, ...flags)).rejects.toThrow(`VM_BAD_POWER_STATE|${ref}|${states}`)
  })

  test('a stop goes through Halted before the host is left', async () => {
    const { ref } = sim.pool.createVm({ name: 'order' })
    const seen: string[] = []
    sim.pool.db.onChange((cls, changed) => {
      if (cls.name !== 'VM' || changed !== ref) return
      const vm = sim.pool.db.row('VM', ref)
      seen.push(`${vm.text('power_state')} ${vm.get('resident_on') === 'OpaqueRef:NULL' ? 'nowhere' : 'resident'}`)
    })
    await vmCall('hard_shutdown', ref)
    expect([...new Set(seen)]).toEqual(['Halted resident', 'Halted nowhere'])
    seen.length = 0
    await vmCall('start', ref, false, false)
    expect([...new Set(seen)]).toEqual(['Halted resident', 'Running resident'])
  })
})

describe('copies', () => {
  test('a clone has the other_config of its origin, a uuid of its own, and runs nowhere', async () => {
    const origin = sim.pool.createVm({
      name: 'origin',
      powerState: 'Halted',
      otherConfig: { docker_ps: '<docker_ps/>' },
    })
    const clone = await sim.client.text('VM.clone', sim.session, origin.ref, 'clone')
    expect(sim.pool.otherConfig(clone)).toEqual(sim.pool.otherConfig(origin))
    expect(sim.pool.record('VM', clone)).toMatchObject({ name_label: 'clone', power_state: 'Halted', domid: -1 })
    expect(sim.pool.record('VM', clone)?.uuid).not.toBe(origin.uuid)
    expect(sim.pool.record('VM', clone)?.VIFs).toHaveLength(1)
    expect(sim.pool.record('VM', origin.ref)?.VIFs).toHaveLength(1)
  })

  test('a snapshot is a template as well, and known to its VM', async () => {
    const { ref } = sim.pool.createVm({ name: 'snapped' })
    const snapshot = await sim.client.text('VM.snapshot', sim.session, ref, 'snap')
    const expected = { is_a_snapshot: true, is_a_template: true, snapshot_of: ref, power_state: 'Halted' }
    expect(sim.pool.record('VM', snapshot)).toMatchObject(expected)
    expect(sim.pool.record('VM', ref)?.snapshots).toEqual([snapshot])
    await expect(vmCall('start', snapshot, false, false)).rejects.toThrow('VM_IS_TEMPLATE')
  })

  test('destroy takes VIFs, VBDs and metrics along', async () => {
    const { ref } = sim.pool.createVm({ name: 'doomed', powerState: 'Halted' })
    const record = sim.pool.db.row('VM', ref)
    const counts = () =>
      ['VM', 'VIF', 'VBD', 'VM_metrics', 'VM_guest_metrics'].map((cls) => sim.pool.db.table(cls).rows.size)
    const before = counts()
    await vmCall('destroy', ref)
    expect(counts()).toEqual(before.map((count) => count - 1))
    expect(sim.pool.record('VM_metrics', record.text('metrics'))).toBeUndefined()
  })
})

describe('devices', () => {
  const vbd = (vm: string, changes: Record<string, string | boolean>) => {
    const struct = {
      VM: vm,
      VDI: 'OpaqueRef:NULL',
      userdevice: 'autodetect',
      bootable: false,
      mode: 'RO',
      type: 'CD',
      empty: true,
      qos_algorithm_type: '',
      ...changes,
    }
    const maps = ['other_config', 'qos_algorithm_params'].map(
      (name) => `<member><name>${name}</name><value><struct/></value></member>`,
    )
    return sim.client.post(
      methodCall('VBD.create', [sim.session, struct]).replace('</struct>', `${maps.join('')}</struct>`),
    )
  }

  test('a place is taken under any of its names', async () => {
    const { ref } = sim.pool.createVm({ name: 'cd' })
    for (const userdevice of ['0', 'xvda', 'hda']) {
      expect((await vbd(ref, { userdevice }))?.body).toContain(`DEVICE_ALREADY_EXISTS</value><value>${userdevice}<`)
    }
    expect((await vbd(ref, {}))?.body).toContain('Success')
    expect((await vbd(ref, { userdevice: 'xvdb' }))?.body).toContain('DEVICE_ALREADY_EXISTS')
  })

  test('an attached disk can be neither destroyed nor taken away; unplug needs a running VM', async () => {
    const { ref } = sim.pool.createVm({ name: 'disk' })
    const [disk = ''] = sim.pool.record('VM', ref)?.VBDs as string[]
    const vdi = sim.pool.db.row('VBD', disk).text('VDI')
    await expect(sim.client.call('VBD.destroy', sim.session, disk)).rejects.toThrow('OPERATION_NOT_ALLOWED')
    await expect(sim.client.call('VDI.destroy', sim.session, vdi)).rejects.toThrow('VDI_IN_USE')
    await expect(sim.client.call('VBD.insert', sim.session, disk, vdi)).rejects.toThrow('VBD_NOT_REMOVABLE_MEDIA')
    await sim.client.call('VBD.unplug', sim.session, disk)
    await sim.client.call('VDI.destroy', sim.session, vdi)
    expect(sim.pool.record('VM', ref)?.VBDs).toEqual([])
    const halted = sim.pool.createVm({ name: 'halted', powerState: 'Halted' })
    const [other = ''] = sim.pool.record('VM', halted.ref)?.VBDs as string[]
    await expect(sim.client.call('VBD.plug', sim.session, other)).rejects.toThrow(
      `VM_BAD_POWER_STATE|${halted.ref}|running|halted`,
    )
  })
})

test('what the simulator cannot do it says', async () => {
  const call = sim.client.call('VM.send_sysrq', sim.session, sim.pool.createVm({ name: 'sysrq' }).ref, 'b')
  await expect(call).rejects.toThrow('NOT_IMPLEMENTED|VM.send_sysrq')
})

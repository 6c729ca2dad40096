import { afterAll, beforeAll, expect, test } from 'vitest'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
})
afterAll(() => world.stop())

test.concurrent(
  'a VM that a client registers while it runs is monitored; deregistered it is wiped and let go',
  async () => {
    const guest = await world.addGuest({
      engine: { containers: [{ name: 'web' }] },
      otherConfig: { 'xscontainer-monitor': 'False', folder: '/shop' },
    })
    await world.setKey(guest, 'xscontainer-monitor', 'True')
    await world.untilMonitored(guest)
    expect(Object.keys(world.containers(guest))).toEqual(['web'])
    const pin = world.config(guest)['xscontainer-sshhostkey']
    expect(pin).toBe(guest.sim.hostKey)

    await world.setKey(guest, 'xscontainer-monitor', 'False')
    await world.untilClean(guest)
    await world.until('the guest is left alone', () => guest.sim.counters.open === 0)
    expect(world.config(guest)).toMatchObject({ folder: '/shop', 'xscontainer-sshhostkey': pin })

    await world.setKey(guest, 'xscontainer-monitor', 'True')
    await world.untilMonitored(guest)
  },
)

test.concurrent('only True means monitor', async () => {
  const guests = await Promise.all(
    ['true', 'False', '1', ''].map((value) => world.addGuest({ otherConfig: { 'xscontainer-monitor': value } })),
  )
  const marker = await world.addGuest()
  await world.untilMonitored(marker)
  expect(guests.map(({ sim }) => sim.counters.connections)).toEqual([0, 0, 0, 0])
  expect(guests.flatMap((guest) => world.published(guest))).toEqual([])
})

test.concurrent('templates, snapshots and control domains are never touched, whatever keys they carry', async () => {
  const guest = await world.addGuest()
  await world.untilMonitored(guest)
  const template = world.pool.createVm({
    name: 'golden image',
    template: true,
    powerState: 'Halted',
    otherConfig: { 'xscontainer-monitor': 'True', docker_ps: '<docker_ps/>' },
  })
  const snapshot = world.pool.snapshotVm(guest, 'before the update')
  const dom0 = world.pool.record('host', world.pool.hosts[0]!.ref)!['control_domain'] as string
  world.pool.setOtherConfigKey(dom0, 'xscontainer-monitor', 'True')
  world.pool.setOtherConfigKey(dom0, 'docker_ps', '<docker_ps/>')
  const before = [template.ref, snapshot.ref, dom0].map((ref) => world.pool.otherConfig(ref))
  expect(before[1]).toHaveProperty('docker_ps')

  const later = await world.addGuest()
  await world.untilMonitored(later)
  await world.untilQuiet()
  expect([template.ref, snapshot.ref, dom0].map((ref) => world.pool.otherConfig(ref))).toEqual(before)
  expect(world.writes.filter(({ ref }) => [template.ref, snapshot.ref, dom0].includes(ref))).toEqual([])
})

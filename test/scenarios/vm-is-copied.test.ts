import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineSim } from '../sim/guest/engine-sim.ts'
import { GuestSim } from '../sim/guest/guest-sim.ts'
import { nextAddress, POOL_PUBLIC_LINE, World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start({ hosts: 2 })
  for (const host of world.pool.hosts) await world.startDaemon(host)
})
afterAll(() => world.stop())

test.concurrent('a halted clone of a monitored VM loses what it inherited, and nothing else', async () => {
  const guest = await world.addGuest({ otherConfig: { folder: '/shop' } })
  await world.untilMonitored(guest)
  const clone = world.pool.cloneVm(guest, 'copy')
  expect(world.published(clone)).toContain('docker_ps')
  await world.untilClean(clone)
  expect(world.config(clone)).toMatchObject({ folder: '/shop', 'xscontainer-monitor': 'True' })
  expect(world.published(guest)).toContain('docker_ps')
})

test.concurrent('a clone that shows a host key of its own is monitored: the inherited pin is not its', async () => {
  const guest = await world.addGuest({ engine: { containers: [{ name: 'first' }] } })
  await world.untilMonitored(guest)
  const clone = world.pool.cloneVm(guest, 'copy')
  const address = nextAddress()
  const sim = await GuestSim.start({
    address,
    port: guest.sim.port,
    users: { core: { authorizedKeys: [POOL_PUBLIC_LINE], groups: ['docker'] } },
    engine: new EngineSim({ containers: [{ name: 'second' }] }),
  })
  try {
    world.pool.setPower(clone, 'Running', world.pool.hosts[1])
    world.pool.replaceGuestMetrics(clone, { '0/ip': address })
    await world.until('the clone shows its own containers', () => 'second' in world.containers(clone))
    await world.until('the clone has its own pin', () => world.config(clone)['xscontainer-sshhostkey'] === sim.hostKey)
    expect(world.config(guest)['xscontainer-sshhostkey']).toBe(guest.sim.hostKey)
    // From now on the pin counts for the clone as for anybody.
    sim.rotateHostKey()
    sim.dropConnections()
    await world.untilFailed(clone, /SSH host key of the guest.*is pinned for this VM/)
  } finally {
    await sim.stop()
  }
})

test.concurrent(
  "a pin that an earlier version set counts, and is not the clone's either once it was seen",
  async () => {
    const guest = await world.addGuest({ otherConfig: { 'xscontainer-monitor': 'False' }, hostKey: 'ed25519' })
    await world.setKey(guest, 'xscontainer-sshhostkey', guest.sim.hostKey)
    await world.setKey(guest, 'xscontainer-monitor', 'True')
    await world.untilMonitored(guest)
    const clone = world.pool.cloneVm(guest, 'copy')
    await world.untilClean(clone)
    world.pool.setPower(clone, 'Running')
    guest.sim.rotateHostKey()
    await world.untilMonitored(clone)
    expect(world.config(clone)['xscontainer-sshhostkey']).toBe(guest.sim.hostKey)
  },
)

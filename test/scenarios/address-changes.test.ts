import { afterAll, beforeAll, expect, test } from 'vitest'
import { POOL_PUBLIC_LINE, World, type WorldGuest } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
})
afterAll(() => world.stop())

/** Another guest that has the containers of this one to tell it by. */
function addressOf(guest: WorldGuest) {
  return { '0/ip': guest.sim.address }
}

test.concurrent('another address, told by the guest metrics only, is followed', async () => {
  const [before, after] = await Promise.all([
    world.addGuest({ engine: { containers: [{ name: 'before' }] } }),
    world.addGuest({ otherConfig: { 'xscontainer-monitor': 'False' }, engine: { containers: [{ name: 'after' }] } }),
  ])
  await world.untilMonitored(before)
  // The same guest in truth: it has the same host key, or it would be refused.
  await world.setKey(before, 'xscontainer-sshhostkey', undefined)
  world.pool.setAddresses(before, addressOf(after))
  await world.until('the other guest shows', () => 'after' in world.containers(before))
  await world.until('the first is left alone', () => before.sim.counters.open === 0)
})

test.concurrent('a VM without guest tools says so; once they are there it is monitored', async () => {
  const guest = await world.addGuest({ guestTools: false })
  await world.untilFailed(guest, /reports no IP address\. Install or start the guest tools/)
  world.pool.replaceGuestMetrics(guest, addressOf(guest))
  await world.untilMonitored(guest)
})

test.concurrent("the administrator's address replaces the reported ones", async () => {
  const guest = await world.addGuest({ networks: { '0/ip': '127.77.77.77' } })
  await world.untilFailed(guest, /No SSH server listens at 127\.77\.77\.77 port 2222/)
  await world.setKey(guest, 'xscontainer-address', guest.sim.address)
  await world.untilMonitored(guest)
  await world.setKey(guest, 'xscontainer-address', 'localhost')
  await world.untilFailed(guest, /xscontainer-address, "localhost", is not an IP address/)
  expect(guest.sim.counters.open).toBe(0)
})

test.concurrent('a guest that names its host as itself is never dialled there', async () => {
  const guest = await world.addGuest({ networks: { '0/ip': world.pool.hosts[0]!.address } })
  await world.untilFailed(guest, /reports no usable IP address: "127\.0\.99\.1" belongs to a host of the pool/)
  world.pool.setAddresses(guest, { '0/ip': '224.0.0.1', '1/ip': '0.0.0.0', '2/ip': '$(reboot)' })
  await world.untilFailed(guest, /"224\.0\.0\.1" is not the address of one machine/)
  world.pool.setAddresses(guest, { '0/ip': world.pool.hosts[0]!.address, '1/ip': guest.sim.address })
  await world.untilMonitored(guest)
})

test.concurrent('another user name is used from now on', async () => {
  const guest = await world.addGuest({
    users: {
      core: { authorizedKeys: [POOL_PUBLIC_LINE], groups: ['docker'] },
      admin: { authorizedKeys: [POOL_PUBLIC_LINE], groups: ['docker'] },
    },
  })
  await world.untilMonitored(guest)
  const before = guest.sim.counters.connections
  await world.setKey(guest, 'xscontainer-username', 'admin')
  await world.until('there is a new connection', () => guest.sim.counters.connections > before)
  await world.untilMonitored(guest)
  await world.setKey(guest, 'xscontainer-username', 'nobody')
  await world.untilFailed(guest, /refused the key of this pool for user nobody/)
  await world.setKey(guest, 'xscontainer-username', 'admin')
  await world.untilMonitored(guest, 30)
})

test.concurrent('a mode that is not offered is named', async () => {
  const guest = await world.addGuest({ otherConfig: { 'xscontainer-mode': 'carrier-pigeon' } })
  await world.untilFailed(guest, /connection mode "carrier-pigeon".*xscontainer-mode to ssh/)
  await world.setKey(guest, 'xscontainer-mode', 'ssh')
  await world.untilMonitored(guest, 30)
})

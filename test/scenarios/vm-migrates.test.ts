import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import { World, type WorldGuest } from './world.ts'

let world: World
let here: SimHost
let there: SimHost
beforeAll(async () => {
  world = await World.start({ hosts: 2 })
  ;[here, there] = world.pool.hosts as [SimHost, SimHost]
  for (const host of world.pool.hosts) await world.startDaemon(host)
})
afterAll(() => world.stop())

const WEB = { engine: { containers: [{ name: 'web' }] }, otherConfig: { folder: '/shop' } }

/** Waits until the daemon of this host monitors the VM, and no other does. */
async function untilOn(host: SimHost, guest: WorldGuest): Promise<void> {
  const name = `job-${Math.random().toString(36).slice(2)}`
  guest.engine.run({ name })
  await world.until(
    `host ${host.index} monitors the guest`,
    () => name in world.containers(guest) && world.writesTo(guest, 'docker_ps').at(-1)?.host === host.index,
    30,
  )
  await world.untilMonitored(guest)
  await world.until('nobody else is connected', () => guest.sim.counters.open === 1 && guest.engine.eventStreams === 1)
}

test.concurrent('it is handed over and never wiped; foreign keys and the pin survive', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  const pin = world.config(guest)['xscontainer-sshhostkey']
  world.pool.migrate(guest, there)
  await untilOn(there, guest)
  expect(world.wipes(guest)).toBe(0)
  expect(world.config(guest)).toMatchObject({ folder: '/shop', 'xscontainer-sshhostkey': pin })
})

test.concurrent('there and back again, before anybody has caught up', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  for (let i = 0; i < 5; i++) {
    world.pool.migrate(guest, i % 2 === 0 ? there : here)
    await sleep(150 * i)
  }
  await untilOn(there, guest)
  expect(world.wipes(guest)).toBe(0)
  expect(world.messages(guest)).toEqual([])
})

test.concurrent('while the guest is down: the new host takes over what is known of it', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  guest.sim.refuse()
  guest.sim.dropConnections()
  await sleep(1500)
  world.pool.migrate(guest, there)
  await sleep(1500)
  expect(world.containers(guest)).toHaveProperty('web')
  await guest.sim.admit()
  await untilOn(there, guest)
})

test.concurrent('after the administrator was told: the message is neither repeated nor left behind', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  guest.sim.refuse()
  guest.sim.dropConnections()
  await world.until('the administrator is told', () => world.messages(guest).length === 1)
  const [told] = world.messages(guest)
  world.pool.migrate(guest, there)
  await world.until('the new host has given up too', () => {
    const last = world.writesTo(guest, 'xscontainer-status').at(-1)
    return last?.host === there.index && last.value.startsWith('failed')
  })
  await sleep(6000)
  expect(world.messages(guest)).toEqual([told])
  await guest.sim.admit()
  await untilOn(there, guest)
  await world.until('the message is gone', () => world.messages(guest).length === 0)
})

test.concurrent('an unregistered VM and a halted one move as they are', async () => {
  const guest = await world.addGuest({ ...WEB, powerState: 'Halted' })
  world.pool.setPower(guest, 'Running', there)
  await untilOn(there, guest)
  await world.setKey(guest, 'xscontainer-monitor', 'False')
  await world.untilClean(guest)
  world.pool.migrate(guest, here)
  await world.setKey(guest, 'xscontainer-monitor', 'True')
  await untilOn(here, guest)
})

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start({ settings: { monitor: { grace_s: 15 } } })
  await world.startDaemon()
})
afterAll(() => world.stop())

const WEB = { engine: { containers: [{ name: 'web' }] } }

test.concurrent('a reboot: the last list stays until the guest is back with its new one', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  world.pool.reboot(guest)
  guest.sim.refuse()
  guest.engine.restartEngine({ liveRestore: false })
  guest.sim.dropConnections()
  await sleep(2000)
  await guest.sim.admit()
  await world.until('the new state shows', () => world.containers(guest)['web']?.['status'] === 'Exited (255)', 45)
  await world.untilMonitored(guest)
  expect(world.wipes(guest)).toBe(0)
  expect(world.messages(guest)).toEqual([])
})

test.concurrent('a shutdown wipes at once and tells nobody; a start brings all back', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  guest.sim.refuse()
  guest.sim.dropConnections()
  world.pool.setPower(guest, 'Halted')
  await world.untilClean(guest, 8)
  await guest.sim.admit()
  world.pool.setPower(guest, 'Running')
  await world.untilMonitored(guest)
  expect(world.messages(guest)).toEqual([])
})

test.concurrent('a suspended VM is wiped, a resumed one monitored again', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  guest.sim.freeze()
  world.pool.setPower(guest, 'Suspended')
  await world.untilClean(guest, 8)
  guest.sim.thaw()
  guest.sim.dropConnections()
  world.pool.setPower(guest, 'Running')
  await world.untilMonitored(guest)
})

test.concurrent('a paused VM is wiped, an unpaused one monitored again', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  world.pool.setPower(guest, 'Paused')
  await world.untilClean(guest, 8)
  world.pool.setPower(guest, 'Running')
  await world.untilMonitored(guest)
})

test.concurrent('a destroyed VM is let go', async () => {
  const guest = await world.addGuest(WEB)
  await world.untilMonitored(guest)
  world.guests.splice(world.guests.indexOf(guest), 1)
  world.pool.destroyVm(guest)
  await world.until('its connection ends', () => guest.sim.counters.open === 0)
  await guest.sim.stop()
})

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { World, type WorldGuest } from './world.ts'

/** All is right: a change in the guest is published, and nothing of what was there before is doubled or lost. */
async function untilAllIsRight(world: World, guests: readonly WorldGuest[], seconds = 30): Promise<void> {
  for (const guest of guests) guest.engine.run({ name: 'after' })
  for (const guest of guests) {
    await world.until('what happened meanwhile shows', () => 'after' in world.containers(guest), seconds)
    await world.untilMonitored(guest)
    expect(world.messages(guest)).toEqual([])
    expect(guest.sim.counters.open).toBe(1)
  }
}

async function twoGuests(world: World): Promise<[WorldGuest, WorldGuest]> {
  const guests = [await world.addGuest(), await world.addGuest()] as [WorldGuest, WorldGuest]
  for (const guest of guests) await world.untilMonitored(guest, 30)
  return guests
}

test.concurrent('down when the daemon starts: it waits', () =>
  World.during({}, async (world) => {
    const { faults } = world.pool.hosts[0]!
    await faults.refuse()
    const guest = await world.addGuest()
    const daemon = await world.startDaemon()
    await world.until('it waits', () => daemon.log().includes('waiting for XAPI'))
    await sleep(1000)
    await faults.clear()
    await world.untilMonitored(guest)
  }),
)

test.concurrent('restarting, again and again: guests stay connected, changes made meanwhile are caught up with', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guests = await twoGuests(world)
    for (let i = 0; i < 3; i++) {
      const restart = world.pool.restart(1000)
      guests[0].engine.run({ name: `during-${i}` })
      world.pool.setOtherConfigKey(guests[1], 'xscontainer-monitor', i % 2 === 0 ? 'False' : 'True')
      await restart
    }
    await world.until('the deregistered one is clean', () => world.published(guests[1]).length === 0, 30)
    await untilAllIsRight(world, [guests[0]])
    expect(Object.keys(world.containers(guests[0])).sort()).toEqual(['after', 'during-0', 'during-1', 'during-2'])
    expect(guests[0].sim.counters.connections).toBe(1)
  }),
)

test.concurrent(
  'hanging for a while',
  () =>
    World.during({}, async (world) => {
      await world.startDaemon()
      const guests = await twoGuests(world)
      const { faults } = world.pool.hosts[0]!
      faults.hang()
      guests[0].engine.run({ name: 'during' })
      world.pool.setOtherConfigKey(guests[0], 'folder', '/moved')
      await sleep(8000)
      await faults.clear()
      await untilAllIsRight(world, guests, 90)
      expect(world.config(guests[0])['folder']).toBe('/moved')
    }),
  150_000,
)

test.concurrent('answering every call with HTTP 500, then well again', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guests = await twoGuests(world)
    const { faults } = world.pool.hosts[0]!
    faults.http500()
    faults.dropConnections()
    guests[0].engine.run({ name: 'during' })
    await sleep(4000)
    await faults.clear()
    await untilAllIsRight(world, guests)
  }),
)

test.concurrent(
  'slow: every answer is a second late',
  () =>
    World.during({}, async (world) => {
      world.pool.hosts[0]!.faults.slow(1000)
      await world.startDaemon()
      const guests = [await world.addGuest(), await world.addGuest()]
      for (const guest of guests) await world.untilMonitored(guest, 40)
      await untilAllIsRight(world, guests)
      guests[0]!.engine.remove('after')
      await world.until('it is gone', () => !('after' in world.containers(guests[0]!)))
    }),
  90_000,
)

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { World, type WorldGuest } from './world.ts'

async function monitoredGuest(world: World): Promise<WorldGuest> {
  const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
  await world.untilMonitored(guest, 30)
  return guest
}

test.concurrent('sessions are dropped, at last by the storm: one new session each time, and no list is lost', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guest = await monitoredGuest(world)
    for (let i = 0; i < 20; i++) {
      world.pool.dropSessions()
      guest.engine.run({ name: `job-${i}` })
      await sleep(150)
    }
    await world.until('all of them show', () => Object.keys(world.containers(guest)).length === 21, 30)
    await world.until('there is one session', () => world.pool.openSessions()['xscontainer'] === 1)
    expect(guest.sim.counters.connections).toBe(1)
  }),
)

test.concurrent(
  'after a crash XAPI has an old database: what was lost is written again',
  () =>
    World.during({}, async (world) => {
      await world.startDaemon()
      const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
      world.pool.flush()
      await world.untilMonitored(guest)
      const pin = world.config(guest)['xscontainer-sshhostkey']
      await world.pool.crashRestart(500)
      expect(world.published(guest)).toEqual([])
      await world.untilMonitored(guest, 45)
      await world.until('all is back', () => world.published(guest).length === 6, 45)
      expect(Object.keys(world.containers(guest))).toEqual(['web'])
      await world.until('the pin too', () => world.config(guest)['xscontainer-sshhostkey'] === pin, 30)
      expect(guest.sim.counters.connections).toBe(1)
    }),
  120_000,
)

test.concurrent(
  'after a crash XAPI remembers a deregistered VM as registered, and the other way round',
  () =>
    World.during({}, async (world) => {
      await world.startDaemon()
      const [first, second] = [
        await world.addGuest(),
        await world.addGuest({ otherConfig: { 'xscontainer-monitor': 'False' } }),
      ]
      await world.untilMonitored(first)
      world.pool.flush()
      await world.setKey(first, 'xscontainer-monitor', 'False')
      await world.setKey(second, 'xscontainer-monitor', 'True')
      await world.untilClean(first)
      await world.untilMonitored(second)
      await world.pool.crashRestart(500)
      await world.untilMonitored(first, 45)
      await world.until('the other is let go', () => second.sim.counters.open === 0, 45)
      await world.untilClean(second)
    }),
  150_000,
)

test.concurrent(
  'another host becomes coordinator',
  () =>
    World.during({ hosts: 2 }, async (world) => {
      for (const host of world.pool.hosts) await world.startDaemon(host)
      const guests = [await world.addGuest(), await world.addGuest({ host: world.pool.hosts[1]! })]
      for (const guest of guests) await world.untilMonitored(guest)
      await world.pool.changeCoordinator(world.pool.hosts[1]!, 1000)
      for (const guest of guests) {
        guest.engine.run({ name: 'after' })
        await world.until('changes show', () => 'after' in world.containers(guest), 45)
        expect(world.wipes(guest)).toBe(0)
      }
      // Cleaning up after halted VMs has moved with it.
      const clone = world.pool.cloneVm(guests[0]!, 'copy')
      await world.untilClean(clone, 30)
      expect(world.writesTo(clone).every(({ host }) => host === 1)).toBe(true)
    }),
  120_000,
)

/** Calls back each time the method reaches XAPI, before it is carried out; the returned function ends that. */
function whenCalled({ pool: { stats } }: World, method: string, callback: () => void): () => void {
  const count = stats.countCall.bind(stats)
  stats.countCall = (name, host) => {
    count(name, host)
    if (name === method) callback()
  }
  return () => void (stats.countCall = count)
}

test.concurrent(
  'answers are lost: nothing is said twice, no key is doubled',
  () =>
    World.during({}, async (world) => {
      await world.startDaemon()
      const guest = await monitoredGuest(world)
      const dead = await world.addGuest()
      await world.untilMonitored(dead)
      const { faults } = world.pool.hosts[0]!
      const restore = whenCalled(world, 'message.create', () => {
        faults.loseAnswers()
        guest.engine.run({ name: 'during' })
      })
      dead.sim.refuse()
      dead.sim.dropConnections()
      await world.until('the answer to the message is lost', () => faults.mode === 'lose-answers', 30)
      await sleep(4000)
      restore()
      await faults.clear()
      await world.until('what happened meanwhile shows', () => 'during' in world.containers(guest), 45)
      await world.until('the message is there', () => world.messages(dead).length > 0, 45)
      await world.untilQuiet()
      expect(world.messages(dead)).toHaveLength(1)
      const keys = (world.pool.db.row('VM', guest.ref).get('other_config') as [string, string][]).map(([key]) => key)
      expect(keys).toEqual([...new Set(keys)])
      await world.untilMonitored(guest)
      await dead.sim.admit()
      await world.untilMonitored(dead, 45)
      await world.until('the message is taken back', () => world.messages(dead).length === 0, 30)
    }),
  150_000,
)

test.concurrent('XAPI does not tell of a deletion: the count gives it away', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const [gone, other] = [await monitoredGuest(world), await monitoredGuest(world)]
    await world.untilQuiet()
    world.guests.splice(world.guests.indexOf(gone), 1)
    // XAPI remembers some 500 deletions of a class: these push ours out before anybody has heard of it.
    const many = Array.from({ length: 520 }, () => world.pool.db.create('VM', {}))
    world.pool.destroyVm(gone)
    for (const row of many) world.pool.db.remove(row)
    for (let i = 0; i < 3; i++) {
      world.pool.setOtherConfigKey(other, 'touched', String(i))
      await sleep(1500)
    }
    const ended = new RegExp(`"vm":"${gone.uuid}".*monitoring ends`)
    await world.until('the VM that is gone is let go', () => ended.test(daemon.log()))
    expect(gone.sim.counters.open).toBe(0)
    expect(other.sim.counters.connections).toBe(1)
    await gone.sim.stop()
  }),
)

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import { World } from './world.ts'

/** What a daemon does that was stopped in its tracks: all its timers are late, and it has not heard of anything. */
test.concurrent('a VM migrates away from a host whose daemon hangs: awake again, it takes nothing back', () =>
  World.during({ hosts: 2, settings: { monitor: { grace_s: 9 } } }, async (world) => {
    const [here, there] = world.pool.hosts as [SimHost, SimHost]
    const old = await world.startDaemon(here)
    await world.startDaemon(there)
    const guests = await Promise.all(Array.from({ length: 4 }, () => world.addGuest({ host: here })))
    for (const each of guests) await world.untilMonitored(each)
    for (const each of guests) {
      each.sim.refuse()
      each.sim.dropConnections()
    }
    // The old host has lost them, and within the grace it hangs.
    await world.until('they are lost', () => guests.every((each) => world.status(each).startsWith('failed')))
    await world.untilQuiet(1)
    old.freeze()
    await sleep(500)
    for (const each of guests) {
      world.pool.migrate(each, there)
      await each.sim.admit()
    }
    for (const each of guests) {
      await world.until(
        'the new host monitors',
        () => {
          const last = world.writesTo(each, 'xscontainer-status').at(-1)
          return last?.host === there.index && last.value.startsWith('monitored')
        },
        30,
      )
    }
    await sleep(6000)
    const before = world.writes.length
    old.resume()
    await sleep(4000)
    const late = world.writes.slice(before).filter(({ host }) => host === here.index)
    expect(late).toEqual([])
    for (const each of guests) expect(world.published(each)).toContain('docker_ps')
    expect(guests.flatMap((each) => world.messages(each))).toEqual([])
    expect(guests.map(({ sim }) => sim.counters.open)).toEqual([1, 1, 1, 1])
  }),
)

test.concurrent('the old daemon is stopped while a VM leaves: what its new host wrote stays', () =>
  World.during({ hosts: 2 }, async (world) => {
    const [here, there] = world.pool.hosts as [SimHost, SimHost]
    const old = await world.startDaemon(here)
    await world.startDaemon(there)
    const guest = await world.addGuest({ host: here, engine: { containers: [{ name: 'web' }] } })
    await world.untilMonitored(guest)
    old.freeze()
    await sleep(200)
    world.pool.migrate(guest, there)
    guest.engine.run({ name: 'after' })
    await world.until('the new host monitors', () => 'after' in world.containers(guest))
    const before = world.writes.length
    const ended = old.terminate()
    old.resume()
    expect(await ended).toBe(0)
    expect(world.writes.slice(before).filter(({ host }) => host === here.index)).toEqual([])
    expect(world.containers(guest)).toHaveProperty('web')
  }),
)

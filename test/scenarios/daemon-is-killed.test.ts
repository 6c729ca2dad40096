import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { World } from './world.ts'

test.concurrent('a message outlives the daemon: it is neither repeated nor forgotten', () =>
  World.during({}, async (world) => {
    let daemon = await world.startDaemon()
    const [dead, back] = await Promise.all([world.addGuest(), world.addGuest()])
    for (const guest of [dead, back]) {
      await world.untilMonitored(guest)
      guest.sim.refuse()
      guest.sim.dropConnections()
    }
    for (const guest of [dead, back]) await world.until('they are told', () => world.messages(guest).length === 1)
    const told = [dead, back].map((guest) => world.messages(guest)[0])

    await daemon.kill()
    await back.sim.admit()
    daemon = await world.startDaemon()
    await world.untilMonitored(back)
    await world.until('its message is taken back', () => world.messages(back).length === 0)
    await sleep(7000)
    expect(world.messages(dead)).toEqual([told[0]])

    expect(await daemon.terminate(10)).toBe(0)
    expect(world.messages(dead)).toEqual([told[0]])
    await world.startDaemon()
    await sleep(8000)
    expect(world.messages(dead)).toEqual([told[0]])
    await dead.sim.admit()
    await world.untilMonitored(dead, 45)
    await world.until('the message is taken back', () => world.messages(dead).length === 0)
  }),
)

test.concurrent('a VM that was shut down or deregistered meanwhile is cleaned by the next daemon', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const guests = await Promise.all([world.addGuest(), world.addGuest(), world.addGuest()])
    const [halted, deregistered, gone] = guests
    for (const guest of guests) await world.untilMonitored(guest)
    await daemon.kill()
    expect(world.published(halted)).toContain('docker_ps')
    world.pool.setPower(halted, 'Halted')
    world.pool.setOtherConfigKey(deregistered, 'xscontainer-monitor', 'False')
    gone.sim.refuse()
    await world.startDaemon()
    await world.untilClean(halted)
    await world.untilClean(deregistered)
    // One that cannot be reached any more is not shown as if it could.
    await world.until('the stale list is gone', () => world.config(gone)['docker_ps'] === undefined)
  }),
)

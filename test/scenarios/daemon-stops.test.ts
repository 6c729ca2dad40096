import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { silentEngine } from '../sim/guest/behaviours/silent-engine.ts'
import { stalledHandshake } from '../sim/guest/behaviours/stalled-handshake.ts'
import type { DaemonProcess } from './daemon-process.ts'
import { World } from './world.ts'

/** Ends in time, and leaves nothing that says a VM is monitored. */
async function stopsCleanly(world: World, daemon: DaemonProcess): Promise<void> {
  expect(await daemon.terminate(10)).toBe(0)
  for (const guest of world.guests) {
    expect(Object.keys(world.config(guest)).filter((key) => key.startsWith('docker_'))).toEqual([])
    expect(world.status(guest)).not.toMatch(/^monitored/)
  }
  expect(world.pool.openSessions()).toEqual({})
}

test.concurrent('idle', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const guests = await Promise.all([world.addGuest({ otherConfig: { folder: '/shop' } }), world.addGuest()])
    for (const guest of guests) await world.untilMonitored(guest)
    await world.untilQuiet(2)
    await stopsCleanly(world, daemon)
    expect(world.config(guests[0])).toMatchObject({
      folder: '/shop',
      'xscontainer-monitor': 'True',
      'xscontainer-sshhostkey': guests[0].sim.hostKey,
    })
    expect(guests.map(({ sim }) => sim.counters.open)).toEqual([0, 0])
  }),
)

test.concurrent('while lists change all the time, with a small budget of writes', () =>
  World.during({ settings: { monitor: { writes_per_s: 5 } } }, async (world) => {
    const daemon = await world.startDaemon()
    const guests = await Promise.all(Array.from({ length: 5 }, () => world.addGuest()))
    for (const guest of guests) await world.untilMonitored(guest, 45)
    const churn = setInterval(() => {
      for (const { engine } of guests) engine.run({ name: `job-${Math.random()}`, state: 'exited' })
    }, 100)
    try {
      await sleep(3000)
      await stopsCleanly(world, daemon)
    } finally {
      clearInterval(churn)
    }
  }),
)

test.concurrent('while guests hang: one frozen, one silent, one in the middle of the handshake', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const [frozen, silent] = await Promise.all([world.addGuest(), world.addGuest()])
    await world.untilMonitored(frozen)
    await world.untilMonitored(silent)
    frozen.sim.freeze()
    silent.sim.behave(silentEngine())
    silent.engine.run({ name: 'asked for in vain' })
    await world.addGuest({ behaviours: [stalledHandshake('offered')] })
    await sleep(1500)
    await stopsCleanly(world, daemon)
  }),
)

test.concurrent('while XAPI hangs, and while it is gone', () =>
  World.during({ hosts: 2 }, async (world) => {
    const [first, second] = world.pool.hosts
    const daemons = [await world.startDaemon(first), await world.startDaemon(second)]
    const guests = [await world.addGuest({ host: first! }), await world.addGuest({ host: second! })]
    for (const guest of guests) await world.untilMonitored(guest)
    first!.faults.hang()
    await second!.faults.refuse()
    for (const guest of guests) guest.engine.run({ name: 'unwritten' })
    await sleep(1500)
    expect(await Promise.all(daemons.map((daemon) => daemon.terminate(10)))).toEqual([0, 0])
  }),
)

test.concurrent('while it still waits for XAPI to start', () =>
  World.during({}, async (world) => {
    await world.pool.hosts[0]!.faults.refuse()
    const daemon = await world.startDaemon()
    await world.until('it waits', () => daemon.log().includes('waiting for XAPI'))
    expect(await daemon.terminate(10)).toBe(0)
  }),
)

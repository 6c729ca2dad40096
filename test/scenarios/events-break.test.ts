import { expect, test } from 'vitest'
import { halfEvents } from '../sim/guest/behaviours/half-events.ts'
import { World } from './world.ts'

test.concurrent(
  'an engine whose list works and whose events break each time does not flap, and is monitored again in the end',
  () =>
    World.during({ settings: { monitor: { grace_s: 40 } } }, async (world) => {
      await world.startDaemon()
      const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
      await world.untilMonitored(guest)
      const mend = guest.sim.behave(halfEvents())
      guest.sim.dropConnections()
      await world.untilFailed(guest, /event/i, 40)
      const before = world.writesTo(guest, 'xscontainer-status').length
      const connections = guest.sim.counters.connections
      await world.until('it was connected again and again', () => guest.sim.counters.connections >= connections + 2, 60)
      expect(world.writesTo(guest, 'xscontainer-status').length).toBeLessThanOrEqual(before + 2)
      expect(world.status(guest)).toMatch(/^failed since/)
      await world.until('the administrator is told', () => world.messages(guest).length === 1, 60)
      expect(world.published(guest)).not.toContain('docker_ps')
      mend()
      await world.untilMonitored(guest, 80)
      await world.until('the message is gone', () => world.messages(guest).length === 0)
    }),
  240_000,
)

test.concurrent(
  'an engine that stops answering is found out, although no container runs in it',
  () =>
    World.during({ settings: { monitor: { resync_s: 3600 } } }, async (world) => {
      await world.startDaemon()
      const guest = await world.addGuest()
      await world.untilMonitored(guest)
      guest.engine.addFaults({ request: () => true })
      await world.untilFailed(guest, /did not answer/, 110)
    }),
  180_000,
)

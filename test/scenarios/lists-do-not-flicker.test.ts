import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { EventWatcher } from '../bench/event-watcher.ts'
import { churn } from './churn.ts'
import { World } from './world.ts'

/** As in XenCenter, which drops the containers of a VM from its tree when an event comes without them. */
test(
  'clients that watch are hardly ever shown a VM without its list',
  () =>
    World.during({}, async (world) => {
      const guests = await Promise.all(
        Array.from({ length: 16 }, () =>
          world.addGuest({ engine: { containers: Array.from({ length: 15 }, (_, i) => ({ name: `web-${i}` })) } }),
        ),
      )
      await world.startDaemon()
      for (const guest of guests) await world.untilMonitored(guest, 40)
      const { socketPath } = world.pool.hosts[0]!
      const uuids = new Set(guests.map(({ uuid }) => uuid))
      const watchers = [0, 0, 30, 100].map((think) => new EventWatcher(socketPath, uuids, () => Math.random() * think))
      for (const watcher of watchers) void watcher.run()
      await sleep(1000)
      for (const watcher of watchers) watcher.reset()
      await Promise.all(guests.map((guest) => churn(guest, 35)))
      for (const watcher of watchers) watcher.stop()
      const events = watchers.reduce((sum, { shown }) => sum + shown.events, 0)
      const lacking = watchers.reduce((sum, { shown }) => sum + shown.lacking, 0)
      console.info(`${lacking} of ${events} delivered events lacked docker_ps`)
      expect(events).toBeGreaterThan(1000)
      expect(lacking / events).toBeLessThanOrEqual(0.005)
    }),
  120_000,
)

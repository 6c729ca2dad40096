import { setTimeout as sleep } from 'node:timers/promises'
import { World, type WorldGuest } from '../scenarios/world.ts'
import type { Figure } from './bench.ts'
import { EventWatcher } from './event-watcher.ts'

const GUESTS = 8
const SECONDS = 40

/**
 * Lists that change all the time, four clients that watch (two ask at once again, two think up to 30 and 100 ms), and
 * a foreign writer on other keys: which share of what the clients are shown lacks docker_ps, and what the writer lost.
 */
export async function benchFlicker(): Promise<Figure[]> {
  const world = await World.start()
  try {
    const guests = await Promise.all(
      Array.from({ length: GUESTS }, () => world.addGuest({ engine: { containers: [{ name: 'web' }] } })),
    )
    await world.startDaemon()
    for (const guest of guests) await world.untilMonitored(guest)
    const { socketPath } = world.pool.hosts[0]!
    const uuids = new Set(guests.map(({ uuid }) => uuid))
    const watchers = [0, 0, 30, 100].map((think) => new EventWatcher(socketPath, uuids, () => Math.random() * think))
    for (const watcher of watchers) void watcher.run()
    await sleep(1500)
    for (const watcher of watchers) watcher.reset()
    await churnAll(guests)
    for (const watcher of watchers) watcher.stop()
    const events = watchers.reduce((sum, { shown }) => sum + shown.events, 0)
    const lacking = watchers.reduce((sum, { shown }) => sum + shown.lacking, 0)
    const [lost] = await Promise.all([hammer(world, guests), churnAll(guests)])
    return [
      { name: 'VM events delivered to four clients while lists change', value: events, unit: 'events' },
      { name: 'of these without docker_ps', value: (lacking / events) * 100, unit: '%', limit: 0.5 },
      { name: "foreign writer's keys lost or changed", value: lost, unit: 'keys', limit: 0 },
    ]
  } finally {
    await world.stop()
  }
}

async function churnAll(guests: readonly WorldGuest[]): Promise<void> {
  const end = performance.now() + SECONDS * 1000
  await Promise.all(guests.map((guest) => churn(guest, end)))
}

/** The engine's list changes every 60 to 180 ms. */
async function churn(guest: WorldGuest, end: number): Promise<void> {
  for (let i = 0; performance.now() < end; i++) {
    if (i % 2 === 0) guest.engine.run({ name: 'job' })
    else guest.engine.remove('job')
    await sleep(60 + Math.random() * 120)
  }
}

/** Another tool that writes keys of its own into the same maps; how many of them are wrong in the end. */
async function hammer(world: World, guests: readonly WorldGuest[]): Promise<number> {
  const end = performance.now() + SECONDS * 1000
  let n = 0
  for (; performance.now() < end; n++) {
    for (const guest of guests) world.pool.setOtherConfigKey(guest, `foreign-${n % 20}`, `value-${n}`)
    await sleep(25)
  }
  const wrong = guests.map((guest) => {
    const config = world.config(guest)
    return Array.from({ length: 20 }, (_, i) => n - 20 + i).filter((i) => config[`foreign-${i % 20}`] !== `value-${i}`)
      .length
  })
  return wrong.reduce((a, b) => a + b, 0)
}

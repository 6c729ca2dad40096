import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { ObservedWrite } from '../sim/xapi/stats.ts'
import { churn } from './churn.ts'
import { World } from './world.ts'

/** The most of these times that fall into any window of so many milliseconds. */
function mostWithin(writes: readonly ObservedWrite[], ms: number): number {
  return Math.max(0, ...writes.map(({ time }) => writes.filter((w) => w.time >= time && w.time < time + ms).length))
}

test.concurrent('at most one write per key and VM in a second; the last state is written in the end', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guest = await world.addGuest()
    await world.untilMonitored(guest)
    await world.untilQuiet()
    const before = world.writes.length
    await churn(guest, 12)
    guest.engine.run({ name: 'the last one' })
    await world.until('the last state is there', () => 'the last one' in world.containers(guest))
    const writes = world.writes.slice(before).filter(({ method }) => method === 'VM.add_to_other_config')
    const seconds = Math.ceil((writes.at(-1)!.time - writes[0]!.time) / 1000)
    for (const key of new Set(writes.map((write) => write.key))) {
      expect(writes.filter((write) => write.key === key).length, key).toBeLessThanOrEqual(seconds + 1)
    }
    expect(writes.filter(({ key }) => key === 'docker_ps').length).toBeGreaterThan(4)
  }),
)

test.concurrent('the first change after a quiet time is written at once, and a storm does not hold up other VMs', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const [busy, quiet] = [await world.addGuest(), await world.addGuest()]
    for (const guest of [busy, quiet]) await world.untilMonitored(guest)
    await world.untilQuiet()
    const storm = churn(busy, 8)
    await sleep(3000)
    quiet.engine.run({ name: 'now' })
    await world.until('it shows', () => 'now' in world.containers(quiet), 3)
    await storm
  }),
)

test.concurrent(
  'a budget of five writes a second is kept, whatever happens in ten VMs at the same moment',
  () =>
    World.during({ settings: { monitor: { writes_per_s: 5 } } }, async (world) => {
      await world.startDaemon()
      const guests = await Promise.all(Array.from({ length: 10 }, () => world.addGuest()))
      for (const guest of guests) await world.untilMonitored(guest, 45)
      await world.untilQuiet()
      const before = world.writes.length
      for (const guest of guests) guest.engine.run({ name: 'at once' })
      await Promise.all(guests.map((guest) => churn(guest, 15)))
      const writes = world.writes.slice(before)
      // After a quiet time five may be spent at once, and the flush that spends the last of them may take nine more.
      const spare = 5 + 9
      expect(mostWithin(writes, 1000)).toBeLessThanOrEqual(5 + spare)
      expect(mostWithin(writes, 10_000)).toBeLessThanOrEqual(5 * 10 + spare)
      expect(writes.length).toBeGreaterThan(40)
      for (const guest of guests) guest.engine.run({ name: 'the last one' })
      for (const guest of guests)
        await world.until('all get their turn', () => 'the last one' in world.containers(guest), 30)
    }),
  120_000,
)

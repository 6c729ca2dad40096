import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { World } from './world.ts'

test('no call to XAPI but the long poll: volatile members of /info, samples and resyncs cause no write', () =>
  World.during({ settings: { monitor: { resync_s: 5, top_schedule: '* * * * * *' } } }, async (world) => {
    await world.startDaemon()
    const containers = [{ name: 'web' }, { name: 'done', state: 'exited' as const }]
    const guests = await Promise.all(Array.from({ length: 3 }, () => world.addGuest({ engine: { containers } })))
    const dead = await world.addGuest({ networks: { '0/ip': '127.55.55.55' } })
    for (const guest of guests) await world.untilMonitored(guest)
    await world.until('the dead one is given up', () => world.messages(dead).length === 1)
    await world.untilQuiet(4)
    const lists = guests.map(({ engine }) => engine.requestCount(/containers\/json/))
    const infos = guests.map(({ engine }) => engine.requestCount(/info/))
    const tops = guests.map(({ engine }) => engine.requestCount(/top/))
    world.pool.stats.reset()
    await sleep(12_000)
    const { 'event.from': polls, ...others } = world.pool.stats.calls
    expect(others).toEqual({})
    expect(polls ?? 0).toBeLessThan(3)
    // It did look meanwhile.
    for (const [i, { engine }] of guests.entries()) {
      expect(engine.requestCount(/containers\/json/)).toBeGreaterThan(lists[i]!)
      expect(engine.requestCount(/info/)).toBeGreaterThan(infos[i]!)
      expect(engine.requestCount(/top/)).toBeGreaterThan(tops[i]! + 5)
    }
  }))

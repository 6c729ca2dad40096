import { expect, test } from 'vitest'
import { World } from './world.ts'

test('30 guests, right after they have all been connected', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const guests = await Promise.all(Array.from({ length: 30 }, () => world.addGuest({ engine: { containers: [{}] } })))
    await world.until('all have lists', () => guests.every((guest) => world.config(guest)['docker_ps']), 45)
    expect(await daemon.terminate(10)).toBe(0)
    expect(guests.flatMap((guest) => world.published(guest))).toEqual([])
    expect(world.pool.openSessions()).toEqual({})
  }))

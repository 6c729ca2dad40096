import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callHost, installPlugin } from './plugin-clients.ts'
import { World, type WorldGuest } from './world.ts'

describe.each([
  ['up', 50],
  ['down', 50],
])('with the daemon %s', (daemon, calls) => {
  let world: World
  let guest: WorldGuest

  beforeAll(async () => {
    world = await World.start({ settings: { guest: { connect_timeout_s: 10 } } })
    installPlugin(world)
    const containers = Array.from({ length: calls }, (_, i) => ({ name: `c-${i}` }))
    guest = await world.addGuest({ engine: { containers } })
    await world.startDaemon()
    await world.untilMonitored(guest)
    // What it has published stays.
    if (daemon === 'down') await world.daemons[0]!.kill()
  })
  afterAll(() => world.stop())

  const all = <T>(call: (i: number) => Promise<T>) => Promise.all(Array.from({ length: calls }, (_, i) => call(i)))
  const call = (fn: string, args: Readonly<Record<string, string>>) =>
    callHost(world, world.pool.hosts[0]!, fn, { vmuuid: guest.uuid, ...args })

  test('calls at once succeed, with few connections to the guest', async () => {
    const { counters } = guest.sim
    const before = counters.connections
    let mostOpen = 0
    const watching = setInterval(() => (mostOpen = Math.max(mostOpen, guest.engine.openConnections)), 5)
    const answers = await all((i) => call('get_top', { object: `c-${i}` }))
    clearInterval(watching)
    for (const answer of answers) expect(answer).toMatch(/^True<docker_top><item>/)
    expect(mostOpen).toBeLessThanOrEqual(daemon === 'up' ? 12 : calls)
    // sshd drops connections at random when more than 10 are not authenticated yet (MaxStartups).
    expect(counters.mostHandshaking).toBeLessThanOrEqual(10)
    expect(counters.connections - before).toBeLessThanOrEqual(daemon === 'up' ? 0 : calls)
  }, 120_000)

  test('as many containers are paused at once, and each call leaves a list that shows it', async () => {
    const shown = await all(async (i) => {
      expect(await call('pause', { container: `c-${i}` })).toBe('True')
      // While somebody else replaces the list there is none for some milliseconds.
      await world.until('there is a list', () => world.config(guest)['docker_ps'] !== undefined)
      return world.containers(guest)[`c-${i}`]?.['status']
    })
    expect(shown).toEqual(Array.from({ length: calls }, () => 'Up (Paused)'))
    const end = Object.values(world.containers(guest)).map((entry) => entry['status'])
    expect(end).toEqual(Array.from({ length: calls }, () => 'Up (Paused)'))
  }, 120_000)
})

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
  await world.startDaemon()
})
afterAll(() => world.stop())

test.concurrent('a client that hammers other keys of the same VM loses nothing, and nor do we', async () => {
  const guest = await world.addGuest({ otherConfig: { folder: '/shop', 'XenCenter.CustomFields.owner': 'me' } })
  await world.untilMonitored(guest)
  const client = world.client()
  const session = await client.login('hammer')
  const end = performance.now() + 12_000
  let n = 0
  for (; performance.now() < end; n++) {
    const key = `foreign-${n % 10}`
    await client.call('VM.remove_from_other_config', session, guest.ref, key)
    await client.call('VM.add_to_other_config', session, guest.ref, key, `value-${n}`)
    if (n % 5 === 0) guest.engine.run({ name: `job-${n}` })
    await sleep(20)
  }
  guest.engine.run({ name: 'the last one' })
  await world.until('the last state is there', () => 'the last one' in world.containers(guest))
  const foreign = Object.entries(world.config(guest)).filter(([key]) => key.startsWith('foreign-'))
  expect(Object.fromEntries(foreign)).toEqual(
    Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => n - 10 + i).map((i) => [`foreign-${i % 10}`, `value-${i}`]),
    ),
  )
  expect(world.config(guest)).toMatchObject({ folder: '/shop', 'XenCenter.CustomFields.owner': 'me' })
  expect(Object.keys(world.containers(guest))).toHaveLength(Math.ceil(n / 5) + 1)
})

test.concurrent('a list that somebody else removed or changed comes back, with no help from the guest', () =>
  World.during({ settings: { monitor: { resync_s: 300, top_schedule: 'off' } } }, async (quiet) => {
    await quiet.startDaemon()
    const [removed, changed] = [await quiet.addGuest(), await quiet.addGuest()]
    for (const guest of [removed, changed]) await quiet.untilMonitored(guest)
    await quiet.untilQuiet()
    const lists = [removed, changed].map((guest) => quiet.config(guest)['docker_ps'])
    await quiet.setKey(removed, 'docker_ps', undefined)
    await quiet.setKey(changed, 'docker_ps', '<docker_ps><item><entry><names>forged</names></entry></item></docker_ps>')
    await quiet.until('it is back', () => quiet.config(removed)['docker_ps'] === lists[0], 25)
    await quiet.until('it is right again', () => quiet.config(changed)['docker_ps'] === lists[1], 25)
  }),
)

test.concurrent('only single keys are written, by one name and one agent', async () => {
  const guest = await world.addGuest()
  await world.untilMonitored(guest)
  guest.engine.run({ name: 'another' })
  await world.until('the list is replaced', () => 'another' in world.containers(guest))
  const mine = world.writes.filter(({ originator }) => originator === 'xscontainer')
  expect([...new Set(mine.map(({ method }) => method))].sort()).toEqual([
    'VM.add_to_other_config',
    'VM.remove_from_other_config',
  ])
  expect([...world.pool.stats.userAgents].filter((agent) => agent !== '')).toEqual(['xscontainer'])
  expect([...world.pool.stats.originators].filter((name) => name !== 'hammer')).toEqual(['xscontainer'])
  for (const { value } of mine) expect(Buffer.byteLength(value)).toBeLessThanOrEqual(65_536)
})

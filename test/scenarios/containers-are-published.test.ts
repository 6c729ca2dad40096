import { afterEach, beforeEach, expect, test } from 'vitest'
import { FLAVOURS, type FlavourName } from '../sim/guest/engine-flavour.ts'
import { World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await World.start()
})
afterEach(() => world.stop())

test('a registered VM gets its containers, engine facts and a status line', async () => {
  const guest = await world.addGuest({
    engine: {
      containers: [{ name: 'web', image: 'nginx:1.27', ports: [{ ip: '0.0.0.0', privatePort: 80, publicPort: 8080 }] }],
    },
  })
  await world.startDaemon()
  await world.untilMonitored(guest)
  const { web } = world.containers(guest)
  expect(web).toMatchObject({ names: 'web', image: 'nginx:1.27', status: 'Up', state: 'running' })
  expect(web!['container']).toBe(String(web!['id']).slice(0, 10))
  await world.until('all documents are there', () =>
    ['docker_info', 'docker_version', 'docker_top', 'xscontainer-updated'].every(
      (key) => world.config(guest)[key] !== undefined,
    ),
  )
  expect(world.status(guest)).toMatch(/^monitored since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  expect(world.config(guest)['xscontainer-sshhostkey']).toBe(guest.sim.hostKey)
})

test('what happens to containers shows up', async () => {
  const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
  await world.startDaemon()
  await world.untilMonitored(guest)
  guest.engine.run({ name: 'db' })
  await world.until('the new container is there', () => world.containers(guest)['db']?.['status'] === 'Up')
  guest.engine.pause('db')
  await world.until('it is paused', () => world.containers(guest)['db']?.['status'] === 'Up (Paused)')
  guest.engine.unpause('db')
  guest.engine.rename('db', 'store')
  await world.until('it has another name', () => world.containers(guest)['store']?.['status'] === 'Up')
  guest.engine.kill('store')
  await world.until('it has ended', () => world.containers(guest)['store']?.['status'] === 'Exited (137)')
  guest.engine.remove('store')
  await world.until('it is gone', () => Object.keys(world.containers(guest)).join() === 'web')
})

test('a container that starts between the first list and the first event is not missed', async () => {
  const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
  const takeBack = guest.engine.addFaults({
    request(req, res, engine) {
      if (!/containers\/json/.test(req.url ?? '')) return false
      takeBack()
      res.once('finish', () => engine.run({ name: 'in between' }))
      return false
    },
  })
  await world.startDaemon()
  await world.until('it shows', () => 'in between' in world.containers(guest))
  expect(Object.keys(world.containers(guest)).sort()).toEqual(['in between', 'web'])
})

test('engines of every kind and age', async () => {
  const flavours = Object.keys(FLAVOURS) as FlavourName[]
  const guests = await Promise.all(
    flavours.map((flavour) => world.addGuest({ name: flavour, engine: { flavour, containers: [{ name: 'web' }] } })),
  )
  await world.startDaemon()
  for (const guest of guests) {
    await world.untilMonitored(guest, 30)
    expect(world.containers(guest)['web']).toMatchObject({ status: 'Up' })
    guest.engine.end('web', 3)
    await world.until('its end shows', () => world.containers(guest)['web']?.['status'] === 'Exited (3)')
  }
})

import { afterEach, beforeEach, expect, test } from 'vitest'
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

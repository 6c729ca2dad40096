import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  installPlugin,
  pluginLog,
  untilDaemonsListen,
  xenCenter,
  xenOrchestra,
  type PluginClient,
} from './plugin-clients.ts'
import { World, type WorldGuest } from './world.ts'

const CONTAINERS = [
  { name: 'web', image: 'nginx:1.27', stopExitCode: 0 },
  { name: 'db', image: 'postgres:17' },
]

/** What a client shows of the guest's containers: read again after each of its actions. */
function status(world: World, guest: WorldGuest, name: string): unknown {
  return world.containers(guest)[name]?.['status']
}

/** Start, stop, pause, unpause, restart, each as a button in the client; the new state shows when the call returns. */
async function pressAllButtons(world: World, client: PluginClient, guest: WorldGuest): Promise<void> {
  // What clients take from docker_ps, `container` of the entry.
  const container = guest.engine.store.find('web').id.slice(0, 10)
  for (const [fn, shown] of [
    ['pause', 'Up (Paused)'],
    ['unpause', 'Up'],
    ['stop', 'Exited (0)'],
    ['start', 'Up'],
    ['restart', 'Up'],
  ] as const) {
    expect(await client.call(fn, guest, { container })).toMatch(/^(None)?$/)
    expect([fn, status(world, guest, 'web')]).toEqual([fn, shown])
  }
  expect(status(world, guest, 'db')).toBe('Up')
}

/** The details of a container: XenCenter asks by id for the one and by name for the other. */
async function openTabs(client: PluginClient, guest: WorldGuest): Promise<void> {
  const parser = new XMLParser({ parseTagValue: false })
  const id = guest.engine.store.find('web').id
  const inspect = parser.parse(await client.call('get_inspect', guest, { object: id })) as Record<string, unknown>
  expect(inspect['docker_inspect']).toMatchObject({ Id: id, Name: '/web', State: { Running: 'True' } })
  const top = await client.call('get_top', guest, { object: 'web' })
  expect(parser.parse(top)).toMatchObject({
    docker_top: { item: { Process: { PID: expect.stringMatching(/^\d+$/) as string, CMD: 'sleep 1000' } } },
  })
  expect(top).not.toMatch(/<(\w+)\/>|<(\w+)><\/\2>/)
}

async function untilListed(world: World, guest: WorldGuest): Promise<void> {
  expect(world.config(guest)['xscontainer-monitor']).toBe('True')
  const { id } = guest.engine.store.find('web')
  await world.until('the client shows the containers', () => status(world, guest, 'web') === 'Up')
  expect(world.containers(guest)['web']).toMatchObject({ id, container: id.slice(0, 10) })
}

async function playXenCenter(world: World, client: PluginClient, guest: WorldGuest): Promise<void> {
  await client.call('register', guest)
  await untilListed(world, guest)
  await pressAllButtons(world, client, guest)
  await openTabs(client, guest)
  await client.call('deregister', guest)
  expect(world.config(guest)['xscontainer-monitor']).toBe('False')
  expect(Object.keys(world.config(guest)).filter((key) => key.startsWith('docker_'))).toEqual([])
}

async function playXenOrchestra(world: World, client: PluginClient, guest: WorldGuest): Promise<void> {
  await client.call('register', guest, { container: '' })
  await untilListed(world, guest)
  await pressAllButtons(world, client, guest)
  await client.call('deregister', guest, { container: '' })
  expect(world.config(guest)['xscontainer-monitor']).toBe('False')
}

describe.each(['up', 'down'])('with the daemons %s', (daemons) => {
  let world: World

  beforeAll(async () => {
    world = await World.start({ hosts: 2 })
    installPlugin(world)
    for (const host of world.pool.hosts) {
      await world.startDaemon(host)
      for (const client of ['xc', 'xo']) {
        const otherConfig = { 'xscontainer-monitor': daemons === 'up' ? 'False' : 'True' }
        await world.addGuest({ name: `${client}-${host.index}`, host, otherConfig, engine: { containers: CONTAINERS } })
      }
    }
    if (daemons === 'up') return untilDaemonsListen(world)
    for (const guest of world.guests) await world.untilMonitored(guest)
    // What they have published stays, and is what the clients show.
    for (const daemon of world.daemons) await daemon.kill()
  })
  afterAll(() => world.stop())

  const guest = (name: string) => world.guests.find((each) => each.name === name)!

  test.concurrent.each([0, 1])('XenCenter, with the VM on host %i', async (index) => {
    await playXenCenter(world, await xenCenter(world), guest(`xc-${index}`))
  })

  test.concurrent.each([0, 1])('Xen Orchestra, with the VM on host %i', async (index) => {
    await playXenOrchestra(world, await xenOrchestra(world), guest(`xo-${index}`))
  })

  test('the log says that without the daemon answered, and no session is in it', () => {
    for (const host of world.pool.hosts) {
      const log = pluginLog(world, host)
      if (daemons === 'up') expect(log).not.toContain('without the daemon')
      else expect(log).toMatch(/"level":"info".*"fn":"pause".*without the daemon/)
      expect(log).not.toContain('OpaqueRef:')
    }
  })
})

import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { installPlugin, pluginLog, xenCenter, xenOrchestra, type PluginClient } from '../scenarios/plugin-clients.ts'
import { POOL_PUBLIC_LINE, World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { describeReal } from './describe-real.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { endAll, type RealSetting } from './real-world.ts'

const PORT = 2242
/** One guest on each host of the pool. */
const NETWORKS = ['127.65.0', '127.66.0']

describeReal('the plugin, real Docker guests and a pool of two hosts', ['sshd', 'dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  const engines: RealDockerd[] = []
  const vms: SimVm[] = []
  let world: World

  beforeAll(async () => {
    world = setting.world = await World.start({
      hosts: 2,
      settings: {
        guest: { ssh_port: PORT, connect_timeout_s: 10 },
        monitor: { grace_s: 150, resync_s: 300, top_schedule: 'off' },
      },
    })
    installPlugin(world)
    for (const [i, host] of world.pool.hosts.entries()) {
      const guest = await RealGuest.start()
      setting.guests.push(guest)
      engines.push(await RealDockerd.start(guest))
      const sshd = await RealSshd.start(guest, { network: NETWORKS[i]!, port: PORT })
      await guest.addUser({ name: 'core', groups: ['docker'], keys: [POOL_PUBLIC_LINE] })
      vms.push(
        world.pool.createVm({
          name: `docker-${i}`,
          host,
          otherConfig: { 'xscontainer-monitor': 'False' },
          networks: { '0/ip': sshd.address },
        }),
      )
      await world.startDaemon(host)
    }
  })
  afterAll(() => endAll(setting))

  const entry = (vm: SimVm, name: string) => world.containers(vm)[name]

  /** What a user does to one container, from the first button to the last. */
  async function play(client: PluginClient, vm: SimVm, engine: RealDockerd, name: string): Promise<void> {
    // Ends by itself when it is asked to, as what people run does.
    const id = await engine.containers.run({
      name,
      network: 'none',
      cmd: ['sh', '-c', 'trap exit TERM; sleep 1000 & wait'],
    })
    await client.call('register', vm, { container: '' })
    await world.until('the client shows the container', () => entry(vm, name)?.['status'] === 'Up')
    const container = String(entry(vm, name)?.['container'])
    expect(id.startsWith(container)).toBe(true)
    for (const [fn, shown] of [
      ['pause', /^Up \(Paused\)$/],
      ['unpause', /^Up$/],
      ['stop', /^Exited \(\d+\)$/],
      ['start', /^Up$/],
      ['start', /^Up$/],
      ['restart', /^Up$/],
    ] as const) {
      expect(await client.call(fn, vm, { container })).toBe('')
      expect([fn, entry(vm, name)?.['status']]).toEqual([fn, expect.stringMatching(shown)])
    }
    const parser = new XMLParser({ parseTagValue: false })
    expect(parser.parse(await client.call('get_inspect', vm, { object: id }))).toMatchObject({
      docker_inspect: { Id: id, Name: `/${name}`, State: { Running: 'True', Paused: 'False' } },
    })
    const top = await client.call('get_top', vm, { object: name })
    expect(top).toMatch(/<Process>.*<PID>\d+<\/PID>.*<\/Process>/)
    expect(top).toContain('<CMD>sleep 1000</CMD>')
    await expect(client.call('pause', vm, { container: 'nobody' })).rejects.toThrow(
      /^XENAPI_PLUGIN_FAILURE\|pause\|RefusedError\|.*nobody.*\. .+/,
    )
  }

  it('XenCenter, which calls the coordinator for both', async () => {
    const client = await xenCenter(world)
    for (const [i, vm] of vms.entries()) await play(client, vm, engines[i]!, 'xen-center')
  }, 240_000)

  it('Xen Orchestra, which calls the host of each', async () => {
    const client = await xenOrchestra(world)
    for (const [i, vm] of vms.entries()) await play(client, vm, engines[i]!, 'xen-orchestra')
  }, 240_000)

  it('the same without daemons', async () => {
    // What they have published stays.
    for (const daemon of world.daemons) await daemon.kill()
    const client = await xenCenter(world)
    for (const [i, vm] of vms.entries()) {
      const container = 'xen-center'
      expect(await client.call('pause', vm, { container })).toBe('')
      expect(entry(vm, container)?.['status']).toBe('Up (Paused)')
      expect(await client.call('unpause', vm, { container })).toBe('')
      expect(entry(vm, container)?.['status']).toBe('Up')
      expect(await client.call('get_top', vm, { object: container })).toContain('<CMD>sleep 1000</CMD>')
      expect(pluginLog(world, world.pool.hosts[i])).toMatch(/"level":"info".*without the daemon/)
      await client.call('deregister', vm)
      expect(world.published(vm)).toEqual([])
      expect(world.config(vm)['xscontainer-monitor']).toBe('False')
    }
  }, 240_000)
})

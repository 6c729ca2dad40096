import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callHost, installPlugin, pluginLog, untilDaemonsListen } from './plugin-clients.ts'
import { World, type WorldGuest } from './world.ts'

/** A plugin that prints what it was given, as the parameters of a failure. */
const ECHO = `#!/bin/sh
printf '<methodResponse><params><param><value><struct><member><name>Status</name><value>Failure</value></member>'
printf '<member><name>ErrorDescription</name><value><array><data><value>ODD_CODE</value><value>a &amp; b</value><value/><value>'
printf '%s' "$1" | sed 's/&/\\&amp;/g; s/</\\&lt;/g'
printf '</value></data></array></value></member></struct></value></param></params></methodResponse>'
`

describe.each(['up', 'down'])('with the daemons %s', (daemons) => {
  let world: World
  let near: WorldGuest
  let far: WorldGuest

  beforeAll(async () => {
    world = await World.start({ hosts: 3 })
    installPlugin(world)
    for (const host of world.pool.hosts) if (daemons === 'up') await world.startDaemon(host)
    near = await world.addGuest({ name: 'near', engine: { containers: [{ name: 'web' }] } })
    far = await world.addGuest({ name: 'far', host: world.pool.hosts[1]!, engine: { containers: [{ name: 'web' }] } })
    if (daemons === 'up') for (const guest of [near, far]) await world.untilMonitored(guest)
    await untilDaemonsListen(world)
  })
  afterAll(() => world.stop())

  const call = (host: number, fn: string, args: Readonly<Record<string, string>>) =>
    callHost(world, world.pool.hosts[host]!, fn, args)
  const pluginCalls = () => world.pool.stats.calls['host.call_plugin'] ?? 0

  test('any host answers for a VM on any other, with one call more', async () => {
    const before = pluginCalls()
    expect(await call(0, 'get_top', { vmuuid: far.uuid, object: 'web' })).toMatch(/^True<docker_top>/)
    expect(pluginCalls() - before).toBe(2)
    expect(await call(2, 'get_top', { vmuuid: near.uuid, object: 'web' })).toMatch(/^True<docker_top>/)
    expect(await call(1, 'get_top', { vmuuid: far.uuid, object: 'web' })).toMatch(/^True<docker_top>/)
    expect(pluginCalls() - before).toBe(5)
  })

  test("the other host's failure comes back as it is", async () => {
    const direct = await call(1, 'start', { vmuuid: far.uuid, container: 'nobody' }).catch((error: Error) => error)
    const passedOn = await call(0, 'start', { vmuuid: far.uuid, container: 'nobody' }).catch((error: Error) => error)
    expect(direct).toBeInstanceOf(Error)
    expect(String(direct)).toMatch(/XENAPI_PLUGIN_FAILURE\|start\|RefusedError\|.*nobody.*\. .+/)
    expect(passedOn).toEqual(direct)
  })

  test('no such VM: its uuid is named', async () => {
    const vmuuid = '00000000-0000-4000-8000-000000000000'
    await expect(call(1, 'get_top', { vmuuid, object: 'web' })).rejects.toThrow(
      /^XENAPI_PLUGIN_FAILURE\|get_top\|RefusedError\|.*00000000-0000-4000-8000-000000000000.*\. .+/,
    )
    await expect(call(0, 'register', { vmuuid: 'OpaqueRef:NULL' })).rejects.toThrow(
      /^XENAPI_PLUGIN_FAILURE\|register\|RefusedError\|/,
    )
  })

  test('a halted VM: register and deregister work on every host, the rest says that it is halted', async () => {
    const halted = await world.addGuest({ powerState: 'Halted', otherConfig: { 'xscontainer-monitor': 'False' } })
    for (const host of [0, 1]) {
      await call(host, 'register', { vmuuid: halted.uuid })
      expect(world.config(halted)['xscontainer-monitor']).toBe('True')
      await expect(call(host, 'start', { vmuuid: halted.uuid, container: 'web' })).rejects.toThrow(
        /^XENAPI_PLUGIN_FAILURE\|start\|RefusedError\|.*(halted|not running).*\. .+/i,
      )
      await call(host, 'deregister', { vmuuid: halted.uuid })
      expect(world.config(halted)['xscontainer-monitor']).toBe('False')
    }
  })

  test('a call is passed on once: one that comes passed on and is wrong here too says so', async () => {
    const before = pluginCalls()
    const args = { vmuuid: far.uuid, object: 'web', 'xscontainer-passed-on': 'True' }
    await expect(call(0, 'get_top', args)).rejects.toThrow(/^XENAPI_PLUGIN_FAILURE\|get_top\|TransientError\|.*moved/)
    expect(pluginCalls() - before).toBe(1)
  })

  test('the list of a host is its own', async () => {
    const listed = await call(0, 'list', {})
    expect(listed).toContain(near.uuid)
    expect(listed).not.toContain(far.uuid)
  })

  describe('a host that cannot serve', () => {
    test('has no plugin, a plugin with an answer of its own, or is away', async () => {
      const third = world.pool.hosts[2]!
      const alone = await world.addGuest({ name: 'alone', host: third })
      const args = { vmuuid: alone.uuid, object: 'a <b> & "c"' }
      const file = join(third.pluginsDir, 'xscontainer')

      writeFileSync(file, ECHO)
      chmodSync(file, 0o755)
      const echoed = await call(0, 'get_top', args).catch((error: Error) => error.message)
      expect(echoed).toMatch(/^ODD_CODE\|a & b\|\|<methodCall><methodName>get_top</)
      expect(echoed).toContain('<name>object</name><value>a &lt;b&gt; &amp; &quot;c&quot;</value>')

      writeFileSync(file, '#!/bin/sh\nexit 3\n')
      await expect(call(0, 'get_top', args)).rejects.toThrow(/^XENAPI_PLUGIN_FAILURE\|non-zero exit\|\|$/)

      await third.faults.refuse()
      await expect(call(0, 'get_top', args)).rejects.toThrow(/^CANNOT_CONTACT_HOST\|/)
      await third.faults.clear()
    })
  })

  test('no session is in any log', () => {
    for (const host of world.pool.hosts) expect(pluginLog(world, host)).not.toMatch(/OpaqueRef:[0-9a-f]/)
  })
})

test('a host without the pack is named', async () => {
  await World.during({ hosts: 2 }, async (world) => {
    installPlugin(world)
    const second = world.pool.hosts[1]!
    const guest = await world.addGuest({ host: second })
    rmSync(join(second.pluginsDir, 'xscontainer'))
    await expect(
      callHost(world, world.pool.hosts[0]!, 'get_top', { vmuuid: guest.uuid, object: 'web' }),
    ).rejects.toThrow(/^XENAPI_PLUGIN_FAILURE\|get_top\|RefusedError\|.*"sim-host-2".*does not have xscontainer/)
  })
})

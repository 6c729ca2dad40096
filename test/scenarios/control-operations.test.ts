import { expect, test } from 'vitest'
import { askDaemon, converse, listedVms } from './control-socket.ts'
import { World } from './world.ts'

const FOREVER = new AbortController().signal

test.concurrent(
  'after an action the new state is in XAPI before the answer, however slow the list and often the actions',
  () =>
    World.during({}, async (world) => {
      await world.startDaemon()
      // As Docker does: its list shows some changes only a moment after it has told of them.
      const engine = { containers: [{ name: 'web' }], listLagMs: { die: 100, pause: 60, unpause: 60 } }
      const guest = await world.addGuest({ engine })
      await world.untilMonitored(guest)
      const state = () => world.containers(guest)['web']?.['status']
      const act = async (operation: string) => {
        await askDaemon(world, operation, { vmuuid: guest.uuid, container: 'web' })
        return state()
      }
      expect(await act('pause')).toBe('Up (Paused)')
      expect(await act('unpause')).toBe('Up')
      expect(await act('stop')).toMatch(/^Exited/)
      expect(await act('start')).toBe('Up')
      expect(await act('restart')).toBe('Up')
      expect(guest.sim.counters.open).toBe(1)
      expect(guest.sim.counters.connections).toBe(1)
    }),
)

test.concurrent('what a client registers by the daemon can be used at once', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guest = await world.addGuest({
      engine: { containers: [{ name: 'web' }] },
      otherConfig: { 'xscontainer-monitor': 'False' },
    })
    await world.until('the daemon knows it', () => world.daemons[0]!.log().includes('control socket'))
    await expect(askDaemon(world, 'pause', { vmuuid: guest.uuid, container: 'web' })).rejects.toMatchObject({
      diagnosis: { kind: 'not-registered' },
    })
    await askDaemon(world, 'register', { vmuuid: guest.uuid })
    await askDaemon(world, 'pause', { vmuuid: guest.uuid, container: 'web' })
    await world.untilMonitored(guest)
    expect(world.containers(guest)['web']?.['status']).toBe('Up (Paused)')
    await askDaemon(world, 'deregister', { vmuuid: guest.uuid })
    expect(world.published(guest)).toEqual([])
    await world.untilQuiet(2)
    expect(world.published(guest)).toEqual([])
  }),
)

test.concurrent('list tells of all VMs of the host how they stand', () =>
  World.during({ hosts: 2 }, async (world) => {
    await world.startDaemon()
    const good = await world.addGuest({ name: 'good', engine: { containers: [{ name: 'web' }] } })
    const dead = await world.addGuest({ name: 'dead' })
    const other = await world.addGuest({ name: 'other', host: world.pool.hosts[1]! })
    const off = await world.addGuest({ name: 'off', powerState: 'Halted' })
    dead.sim.refuse()
    await world.untilMonitored(good)
    await world.untilFailed(dead, /./)
    const vms = await listedVms(world)
    expect(vms.map(({ name }) => name)).toEqual(['dead', 'good'])
    expect(vms[1]).toMatchObject({
      uuid: good.uuid,
      power_state: 'Running',
      state: 'monitored',
      status: world.status(good),
      address: good.sim.address,
      transport: 'stream-local',
      socket: '/var/run/docker.sock',
      engine: expect.stringMatching(/^Docker \d+\./) as unknown,
      api_version: expect.stringMatching(/^1\.\d+$/) as unknown,
      reconnects: 0,
      containers: [{ names: 'web', status: 'Up', state: 'running' }],
    })
    expect(vms[1]!.list_age_ms).toBeGreaterThanOrEqual(0)
    expect(vms[1]!.writes).toBeGreaterThan(4)
    expect(vms[0]).toMatchObject({ state: 'failed', kind: 'ssh-refused', containers: [], list_age_ms: null })
    expect(await listedVms(world, { vmuuid: good.uuid.toUpperCase() })).toMatchObject([{ name: 'good' }])
    await expect(listedVms(world, { vmuuid: other.uuid })).rejects.toMatchObject({
      diagnosis: { kind: 'vm-elsewhere' },
    })
    expect(await listedVms(world, { vmuuid: off.uuid })).toEqual([])
    await expect(listedVms(world, { vmuuid: 'x' })).rejects.toMatchObject({ diagnosis: { kind: 'no-such-vm' } })
    const nobody = '00000000-0000-0000-0000-000000000000'
    await expect(listedVms(world, { vmuuid: nobody })).rejects.toMatchObject({ diagnosis: { kind: 'no-such-vm' } })
    expect(JSON.parse(await askDaemon(world, 'version'))).toMatchObject({ protocol: 1, daemon: true })
    expect(JSON.parse(await askDaemon(world, 'refresh'))).toEqual({ refreshed: 1, failed: [] })
    await expect(askDaemon(world, 'format-disk')).rejects.toMatchObject({ diagnosis: { kind: 'unknown-operation' } })
    await expect(askDaemon(world, 'pause', { vmuuid: good.uuid })).rejects.toMatchObject({
      diagnosis: { kind: 'missing-argument' },
    })
  }),
)

test.concurrent('a command in a container, through the daemon', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
    await world.untilMonitored(guest)
    const args = { vmuuid: guest.uuid, container: 'web', command: '["cat"]', stdin: 'true' }
    const conversation = await converse(world, 'exec', args)
    let heard = ''
    const reading = (async () => {
      for await (const { data } of conversation.output) heard += data.toString()
    })()
    await conversation.write(Buffer.from('hello'))
    conversation.end()
    await reading
    expect(heard).toBe('hello')
    expect(await conversation.exitCode(FOREVER)).toBe(0)
  }),
)

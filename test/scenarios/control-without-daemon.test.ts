import { expect, test } from 'vitest'
import { loadConfig } from '../../src/app/config.ts'
import { runAlone } from '../../src/app/operations/run-alone.ts'
import { systemRandom } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { ListDocument } from '../../src/operations/list-document.ts'
import type { Args } from '../../src/operations/operation.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { listedVms } from './control-socket.ts'
import { World } from './world.ts'

/** As the plugin and the command do it when no daemon answers. */
function alone(world: World, operation: string, args: Args = {}, session?: string): Promise<string> {
  const config = loadConfig(world.configFile())
  const { log } = new RecordingLog()
  return runAlone(
    { clock: systemClock, random: systemRandom, log, config, session },
    operation,
    args,
    new AbortController().signal,
  )
}

test.concurrent('actions are done by a connection of their own, which ends with them, and pins the host key', () =>
  World.during({}, async (world) => {
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
    const args = { vmuuid: guest.uuid, container: 'web' }
    expect(await alone(world, 'pause', args)).toBe('')
    expect(guest.sim.counters).toMatchObject({ connections: 1 })
    await world.until('the connection is closed', () => guest.sim.counters.open === 0)
    const { 'xscontainer-sshhostkey': pin, 'xscontainer-sshhostkey-vm': owner } = world.config(guest)
    expect(pin).toBe(guest.sim.hostKey)
    expect(owner).toBe(guest.uuid)
    // Nobody would renew a list that nobody monitors.
    expect(world.published(guest)).toEqual([])
    expect(await alone(world, 'get_inspect', { vmuuid: guest.uuid, object: 'web' })).toContain('<Paused>True</Paused>')
    guest.sim.rotateHostKey()
    await expect(alone(world, 'unpause', args)).rejects.toMatchObject({ diagnosis: { kind: 'host-key-changed' } })
    expect(world.config(guest)['xscontainer-sshhostkey']).toBe(pin)
  }),
)

test.concurrent('a list that is published is brought up to date, and list tells the same as the daemon did', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web', ports: [] }] } })
    await world.untilMonitored(guest)
    await world.untilQuiet(2)
    const [before] = await listedVms(world)
    await daemon.kill()
    const { vms } = JSON.parse(await alone(world, 'list')) as ListDocument
    expect(vms).toHaveLength(1)
    const { uuid, name, power_state, state, since, status, engine } = before!
    expect(vms[0]).toMatchObject({ uuid, name, power_state, state, since, status, engine, list_age_ms: null })
    const shown = ({ names, id, container, image, status, created }: ListDocument['vms'][0]['containers'][0]) => [
      ...[names, id, container, image, status, created],
    ]
    expect(vms[0]!.containers.map(shown)).toEqual(before!.containers.map(shown))
    await alone(world, 'pause', { vmuuid: guest.uuid, container: 'web' })
    expect(world.containers(guest)['web']?.['status']).toBe('Up (Paused)')
    expect(JSON.parse(await alone(world, 'refresh', { vmuuid: guest.uuid }))).toEqual({ refreshed: 1, failed: [] })
    expect(JSON.parse(await alone(world, 'version'))).toMatchObject({ daemon: false, pid: null })
  }),
)

test.concurrent('a VM is deregistered with the message that it could not be monitored, and with no other', () =>
  World.during({}, async (world) => {
    const guest = await world.addGuest({})
    for (const name of ['Container Management cannot monitor VM', 'ALARM'])
      await world.call('message.create', name, '3', 'VM', guest.uuid, 'Why. And what to do')
    expect(await alone(world, 'deregister', { vmuuid: guest.uuid })).toBe('')
    expect(world.pool.allMessages().map(({ name }) => name)).toEqual(['ALARM'])
  }),
)

test.concurrent('fifty at once take turns at the guest', () =>
  World.during({}, async (world) => {
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
    await alone(world, 'get_top', { vmuuid: guest.uuid, object: 'web' })
    const calls = Array.from({ length: 50 }, () => alone(world, 'get_top', { vmuuid: guest.uuid, object: 'web' }))
    for (const answer of await Promise.all(calls)) expect(answer).toMatch(/^<docker_top>/)
    expect(guest.sim.counters.mostHandshaking).toBeLessThanOrEqual(4)
    expect(guest.sim.counters.mostHandshaking).toBeGreaterThan(1)
  }),
)

test.concurrent("the caller's session is used, and is still the caller's afterwards", () =>
  World.during({}, async (world) => {
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
    const client = world.client()
    const session = await client.login()
    const logins = () => world.pool.stats.calls['session.login_with_password'] ?? 0
    const before = logins()
    await alone(world, 'pause', { vmuuid: guest.uuid, container: 'web' }, session)
    expect(logins()).toBe(before)
    expect(world.pool.stats.calls['session.logout'] ?? 0).toBe(0)
    await expect(
      alone(world, 'pause', { vmuuid: guest.uuid, container: 'web' }, 'OpaqueRef:00000000-0000-0000-0000-000000000000'),
    ).rejects.toThrow(/SESSION_INVALID/)
  }),
)

test.concurrent('what cannot be done is refused with the reason', () =>
  World.during({ hosts: 2 }, async (world) => {
    const containers = [{ name: 'web' }]
    const there = await world.addGuest({ host: world.pool.hosts[1]!, engine: { containers } })
    const off = await world.addGuest({ powerState: 'Halted', engine: { containers } })
    const unregistered = await world.addGuest({
      otherConfig: { 'xscontainer-monitor': 'False' },
      engine: { containers },
    })
    const silent = await world.addGuest({ networks: {}, engine: { containers } })
    const kindOf = (uuid: string) =>
      alone(world, 'pause', { vmuuid: uuid, container: 'web' }).catch(
        (error: { diagnosis: { kind: string } }) => error.diagnosis.kind,
      )
    expect(await kindOf(there.uuid)).toBe('vm-elsewhere')
    expect(await kindOf(off.uuid)).toBe('not-running')
    expect(await kindOf(unregistered.uuid)).toBe('not-registered')
    expect(await kindOf(silent.uuid)).toBe('no-address')
    expect(await kindOf('00000000-0000-0000-0000-000000000000')).toBe('no-such-vm')
    await expect(alone(world, 'exec', { vmuuid: off.uuid, container: 'web', command: '["ls"]' })).rejects.toThrow(/./)
  }),
)

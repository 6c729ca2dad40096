import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World, type WorldGuest } from '../scenarios/world.ts'
import { Booted } from './booted.ts'
import { PACKAGES } from './packages.ts'
import { standIn } from './predecessor.ts'

const UNIT = 'xscontainer-monitor.service'
/** The unit's own pauses are long; the guard's is a minute. */
const QUICK = `[Service]
ExecStart=
ExecStart=/usr/bin/xscontainer-monitor --watchdog 4
RestartSec=100ms
`
const XAPI = '/var/lib/xcp'
const SETTINGS = {
  control: { socket: '/run/xscontainer/control.sock' },
  log: { file: '/var/log/xscontainer.log' },
}

let world: World
let host: Booted
let guest: WorldGuest

beforeAll(async () => {
  world = await World.start({ settings: SETTINGS })
  guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
  const config = readFileSync(world.configFile(), 'utf8').replaceAll(world.dir, XAPI)
  standIn('predecessor', join(world.dir, 'old'))
  host = await Booted.start({ 'etc/xscontainer/xscontainer.toml': config }, [
    `${world.dir}:${XAPI}`,
    `${PACKAGES}/RPMS:/packages`,
  ])
  await host.run('rpm', '-U', '--nodeps', '--nosignature', `${XAPI}/old/xscontainer.rpm`)
})
afterAll(async () => {
  await host?.stop()
  await world?.stop()
})

/** What the service's main process is, 0: it does not run. */
const mainPid = async () => Number(await host.property(UNIT, 'MainPID'))

async function untilRestarted(before: number): Promise<void> {
  await host.until('the service runs anew', async () => ![0, before].includes(await mainPid()))
}

async function dropIn(text: string): Promise<void> {
  host.write(`/etc/systemd/system/${UNIT}.d/check.conf`, text)
  await host.run('systemctl', 'daemon-reload')
}

/** It has looked at the guest again: a container that is new is published. */
async function goesOn(): Promise<void> {
  const name = `new-${await mainPid()}`
  guest.engine.run({ name })
  await world.until(`the container ${name} is published`, () => world.containers(guest)[name] !== undefined, 40)
}

test('the upgrade ends the predecessor’s service and starts ours, which monitors', async () => {
  await host.run('systemctl', 'start', UNIT)
  const old = await mainPid()
  expect(old).toBeGreaterThan(0)
  await host.run('sh', '-c', 'exec rpm -U --nodeps --nosignature /packages/*.rpm')
  expect(await mainPid()).not.toBe(old)
  expect(await host.run('cat', `/proc/${await mainPid()}/cmdline`)).toContain('/usr/bin/xscontainer-monitor')
  await world.untilMonitored(guest)
  expect(world.containers(guest)['web']).toMatchObject({ status: 'Up' })
  expect(await host.tell('systemctl', 'is-enabled', UNIT)).toBe('enabled')
})

test('it is confined as the unit says', async () => {
  const pid = String(await mainPid())
  const status = await host.run('cat', `/proc/${pid}/status`)
  expect(status).toMatch(/^CapEff:\s*0{16}$/m)
  expect(status).toMatch(/^NoNewPrivs:\s*1$/m)
  expect(status).toMatch(/^Seccomp:\s*2$/m)
  const inside = (script: string) => host.tell('nsenter', '--mount', '--target', pid, 'sh', '-c', script)
  expect(await inside('echo x >/usr/x')).toContain('Read-only file system')
  expect(await inside('echo x >/etc/x')).toContain('Read-only file system')
  expect(await inside('echo >>/var/log/xscontainer.log && echo written')).toBe('written')
  expect(await inside('ls -A /tmp /root | grep -v : | wc -w')).toBe('0')
  const modes = await host.run('stat', '-c', '%a %U', '/run/xscontainer', '/var/log/xscontainer.log')
  expect(modes).toBe('700 root\n600 root\n')
})

test('the journal and the log file have its lines', async () => {
  const line = /^\{"level":"info",.*"msg":"xscontainer-monitor"\}$/m
  expect(await host.run('journalctl', '-o', 'cat', '-u', UNIT)).toMatch(line)
  expect(host.read('/var/log/xscontainer.log')).toMatch(line)
})

test('after a crash it is started anew, 5 s later, and goes on', async () => {
  const before = await mainPid()
  await host.run('kill', '-KILL', String(before))
  await host.until('systemd waits', async () => (await host.property(UNIT, 'SubState')) === 'auto-restart')
  expect(await host.property(UNIT, 'RestartUSec')).toBe('5s')
  await untilRestarted(before)
  await goesOn()
})

test('after a hang it is killed and started anew', async () => {
  await dropIn(QUICK)
  await host.run('systemctl', 'restart', UNIT)
  await goesOn()
  const before = await mainPid()
  await host.run('kill', '-STOP', String(before))
  await untilRestarted(before)
  expect(await host.run('journalctl', '-o', 'cat', '-u', UNIT)).toContain('the event loop stood still for 4 s')
  await goesOn()
})

test('however often it crashes, systemd does not give up', async () => {
  await dropIn('[Service]\nExecStart=\nExecStart=/bin/false\nRestartSec=1ms\n')
  await host.run('systemctl', 'restart', UNIT)
  // systemd's own limit is five starts in ten seconds.
  await host.until('it was restarted often', async () => Number(await host.property(UNIT, 'NRestarts')) > 12)
  expect(await host.property(UNIT, 'ActiveState')).not.toBe('failed')
})

test('a wrong configuration is final', async () => {
  const config = host.read('/etc/xscontainer/xscontainer.toml')!
  host.write('/etc/xscontainer/xscontainer.toml', 'nonsense = 1\n')
  await dropIn(QUICK)
  await host.tell('systemctl', 'restart', UNIT)
  await host.until('systemd gives up', async () => (await host.property(UNIT, 'ActiveState')) === 'failed')
  expect(await host.property(UNIT, 'ExecMainStatus')).toBe('2')
  host.write('/etc/xscontainer/xscontainer.toml', config)
  await host.run('systemctl', 'restart', UNIT)
  await goesOn()
})

test('erased while it does not run, what it had published is taken back all the same; the pool keeps its key', async () => {
  const ofPool = await world.call('pool.get_other_config', world.pool.objects.pool)
  expect(ofPool).toHaveProperty('xscontainer-private-secret-uuid')
  await host.run('systemctl', 'kill', '--kill-who=all', '--signal=KILL', UNIT)
  await host.run('systemctl', 'stop', UNIT)
  expect(world.published(guest)).toContain('docker_ps')
  await host.run('rpm', '-e', 'update-xscontainer', 'xscontainer', 'xscontainer-runtime')
  expect(world.published(guest)).toEqual([])
  expect(host.read('/usr/bin/xscontainer')).toBeUndefined()
  expect(host.read('/run/xscontainer')).toBeUndefined()
  expect(await world.call('pool.get_other_config', world.pool.objects.pool)).toEqual(ofPool)
  expect(world.config(guest)['xscontainer-monitor']).toBe('True')
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { DiagnoseReport, DiagnoseStep } from '../../src/operations/diagnose.ts'
import { acceptAndClose } from '../sim/guest/behaviours/accept-and-close.ts'
import { endlessBanner } from '../sim/guest/behaviours/endless-banner.ts'
import { htmlEngine } from '../sim/guest/behaviours/html-engine.ts'
import { keyNotInstalled } from '../sim/guest/behaviours/key-not-installed.ts'
import { noDocker } from '../sim/guest/behaviours/no-docker.ts'
import { noTools } from '../sim/guest/behaviours/no-tools.ts'
import { socketForbidden } from '../sim/guest/behaviours/socket-forbidden.ts'
import { stalledHandshake } from '../sim/guest/behaviours/stalled-handshake.ts'
import { callHost, installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { cliOn, type RunCli } from './run-cli.ts'
import { World, type GuestWish, type WorldGuest } from './world.ts'

/** What is wrong with a guest, the step that finds it, and words of the cause. */
const CASES: readonly (readonly [string, GuestWish, string, RegExp])[] = [
  ['no tools in the VM', { guestTools: false, networks: {} }, 'reported', /reports no IP address/],
  ['a bad address', { networks: { '0/ip': '169.254.7.7' } }, 'address', /"169\.254\.7\.7" is link-local/],
  ['nobody listens', { networks: { '0/ip': '127.44.44.45' } }, 'tcp', /No SSH server listens at 127\.44\.44\.45/],
  [
    'an SSH server that closes',
    { behaviours: [acceptAndClose()] },
    'banner',
    /closed the connection during the greeting/,
  ],
  ['no SSH server', { behaviours: [endlessBanner()] }, 'banner', /is not an SSH 2 server/],
  ['a stalled handshake', { behaviours: [stalledHandshake('offered')] }, 'host-key', /during the handshake/],
  ['another host key', { otherConfig: { 'xscontainer-sshhostkey': 'AAAA' } }, 'host-key', /is pinned for this VM/],
  [
    'a key that is not there',
    { behaviours: [keyNotInstalled()] },
    'login',
    /refused the key of this pool for user core/,
  ],
  ['no way to the engine', { behaviours: [noTools()] }, 'rung', /does not forward to the engine's socket/],
  ['no engine', { behaviours: [noDocker()] }, 'socket', /No Docker or Podman socket was found/],
  ['no permission', { behaviours: [socketForbidden()] }, 'socket', /User core may not use the engine's socket/],
  ['something else than an engine', { behaviours: [htmlEngine()] }, 'engine', /with HTML or XML instead of JSON/],
  ['a user name that is none', { otherConfig: { 'xscontainer-username': 'a\nb' } }, 'registered', /is not a user name/],
]

let world: World
let run: RunCli
const guests = new Map<string, WorldGuest>()
let healthy: WorldGuest
beforeAll(async () => {
  world = await World.start({ hosts: 2 })
  installPlugin(world)
  run = cliOn(world)
  healthy = await world.addGuest({
    name: 'healthy',
    engine: { containers: [{ name: 'a' }, { name: 'b', state: 'exited' }] },
  })
  for (const [name, wish] of CASES) guests.set(name, await world.addGuest({ name, ...wish }))
})
afterAll(() => world.stop())

async function walk(vm: string): Promise<DiagnoseReport & { code: number }> {
  const { code, out } = await run(['doctor', vm, '--json'])
  return { ...(JSON.parse(out) as DiagnoseReport), code }
}

/** Everything before the step went well, it failed, and everything after it was skipped. */
function expectFailureAt(report: DiagnoseReport, name: string): DiagnoseStep {
  const at = report.steps.findIndex((step) => step.name === name)
  expect(report.steps.map(({ state }) => state)).toEqual(
    report.steps.map((_, i) => (i < at ? 'ok' : i === at ? 'failed' : 'skipped')),
  )
  for (const { state, ms, diagnosis } of report.steps) {
    expect(ms === null).toBe(state === 'skipped')
    expect(diagnosis === null).toBe(state !== 'failed')
  }
  expect(report.ok).toBe(false)
  return report.steps[at]!
}

test('a guest that is well: every step done and timed, without a monitor', async () => {
  const report = await walk('healthy')
  expect(report).toMatchObject({ ok: true, code: 0, subject: { vm: healthy.uuid, name: 'healthy', status: null } })
  const details = Object.fromEntries(report.steps.map(({ name, detail }) => [name, detail]))
  expect(report.steps.every(({ state, ms }) => state === 'ok' && ms !== null && ms >= 0)).toBe(true)
  expect(details).toMatchObject({
    reported: '1 address',
    address: `${healthy.sim.address} (the only usable one)`,
    banner: expect.stringMatching(/^SSH-2\.0-OpenSSH_/) as string,
    'host-key': expect.stringMatching(/^SHA256:.{43} \(ssh-ed25519\) at first contact/) as string,
    rung: 'stream-local',
    socket: `/var/run/docker.sock in the guest at ${healthy.sim.address}`,
    engine: expect.stringMatching(/^Docker [\d.]+, spoken to in API 1\.\d+$/) as string,
    list: '2 containers, 1 running',
    clock: 'the same as this host, within 1 s',
  })
})

test.each(CASES)('%s', async (name, _, step, cause) => {
  const report = await walk(name)
  expect(report.code).toBe(1)
  const { diagnosis } = expectFailureAt(report, step)
  expect(diagnosis?.cause).toMatch(cause)
  expect(diagnosis?.cure).not.toBe('')
})

test('not registered, not running, not there', async () => {
  const off = world.pool.createVm({ name: 'off', host: world.pool.hosts[0]! })
  const { diagnosis } = expectFailureAt(await walk('off'), 'registered')
  expect(diagnosis?.cure).toBe(`Register it: xscontainer register ${off.uuid}`)
  await world.addGuest({ name: 'halted', powerState: 'Halted' })
  expectFailureAt(await walk('halted'), 'running')
  expect((await run(['doctor', 'nobody'])).code).toBe(2)
})

test('refused addresses are told, and the order of those that are dialled', async () => {
  const address = healthy.sim.address
  const networks = { '0/ip': '169.254.1.1', '0/ipv6/0': 'fe80::1', '1/ip': address, '1/ipv6/0': '::1' }
  world.pool.createVm({
    name: 'many', host: world.pool.hosts[0]!, otherConfig: { 'xscontainer-monitor': 'True' }, networks,
  }) // prettier-ignore
  const { steps } = await walk('many')
  expect(steps.find(({ name }) => name === 'address')?.detail).toBe(
    `${address}, then ::1 (IPv4 before IPv6); refused: ` +
      '169.254.1.1 of device 0 is link-local (used on the host-internal network only), fe80::1 of device 0 is not the address of one machine',
  )
})

test('a guest whose clock is far off', async () => {
  const clock = {
    now: () => systemClock.now() - 3_600_000,
    after: (ms: number, call: () => void) => systemClock.after(ms, call),
  }
  await world.addGuest({ name: 'late', engine: { clock } })
  const { diagnosis } = expectFailureAt(await walk('late'), 'clock')
  expect(diagnosis?.cause).toBe("The guest's clock is 3600 s behind this host's")
})

test('the words are those of xscontainer-status, and of the plugin, with a monitor as without', async () => {
  const alone = await Promise.all(CASES.map(([name]) => walk(name)))
  await world.startDaemon()
  await untilDaemonsListen(world)
  await world.untilMonitored(healthy)
  for (const [i, [name, , step]] of CASES.entries()) {
    const guest = guests.get(name)!
    const { diagnosis } = expectFailureAt(alone[i]!, step)
    await world.untilFailed(guest, /./)
    expect(world.status(guest)).toMatch(/^failed since \S+Z: /)
    expect(world.status(guest).replace(/^failed since \S+: /, '')).toBe(`${diagnosis?.cause}. ${diagnosis?.cure}`)
  }
  const text = await callHost(world, world.pool.hosts[0]!, 'diagnose', { vmuuid: healthy.uuid })
  const report = JSON.parse(text.replace(/^True/, '')) as DiagnoseReport
  expect(report.ok).toBe(true)
  expect(report.subject['status']).toMatch(/^monitored since/)
})

test('this host: a line per check and per registered VM', async () => {
  const { code, out } = await run(['doctor', '--json'])
  const { steps, ok } = JSON.parse(out) as DiagnoseReport
  expect([code, ok]).toEqual([1, false])
  const states = Object.fromEntries(steps.map(({ name, state }) => [name, state]))
  expect(states).toMatchObject({
    config: 'ok', xapi: 'ok', key: 'ok', control: 'ok', version: 'ok', [`vm ${healthy.uuid}`]: 'ok',
    [`vm ${guests.get('no engine')!.uuid}`]: 'failed',
  }) // prettier-ignore
  expect((await run(['doctor'])).out).toMatch(/FAILED +VM no engine +- +No Docker or Podman socket was found/)
})

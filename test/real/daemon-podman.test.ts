import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { describeReal } from './describe-real.ts'
import { CLI_COLUMNS, portsOf, rowsOfCli, rowsOfDocument, withoutAddresses } from './published-list.ts'
import { publishedTop } from './published-top.ts'
import { RealGuest } from './real-guest.ts'
import { RealPodman } from './real-podman.ts'
import { RealSshd } from './real-sshd.ts'
import { addVm, endAll, startWorld, type RealSetting } from './real-world.ts'

const WAIT_S = 60
vi.setConfig({ testTimeout: 240_000 })

describeReal('the daemon and real Podman engines', ['sshd', 'podman'], () => {
  const setting: RealSetting = { guests: [] }
  let podman: RealPodman
  let sshd: RealSshd
  let world: World
  let vm: SimVm

  beforeAll(async () => {
    const guest = await startGuest()
    podman = await RealPodman.start(guest)
    sshd = await RealSshd.start(guest, { network: '127.65.0' })
    await guest.addUser({ name: 'core', keys: [POOL_PUBLIC_LINE] })
    world = setting.world = await startWorld(sshd.port)
    vm = addVm(world, 'podman', [sshd.address])
    await world.startDaemon()
  })
  afterAll(() => endAll(setting))

  async function startGuest(): Promise<RealGuest> {
    const guest = await RealGuest.start()
    setting.guests.push(guest)
    return guest
  }

  const entry = (name: string) => world.containers(vm)[name]
  const untilStatus = (name: string, status: string) =>
    world.until(`${name} is ${status}`, () => entry(name)?.['status'] === status, WAIT_S)

  async function isRefusedFirst(): Promise<void> {
    await world.untilFailed(vm, /User core may not use the engine's socket \/run\/podman\/podman\.sock.*podman\.socket/)
    await podman.giveSocketTo('core:core')
    await world.untilMonitored(vm, WAIT_S)
    const version = () => world.config(vm)['docker_version'] ?? ''
    await world.until('its version is there', () => version().includes('Podman Engine'), WAIT_S)
  }

  async function followsContainers(): Promise<void> {
    const { containers } = podman
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
    const id = await containers.run({ name: 'web', ports: ['8080:80', '9000:9000/udp'], labels })
    await containers.create({ name: 'fresh', network: 'none' })
    await containers.run({ name: 'bad', network: 'none', cmd: ['sh', '-c', 'exit 3'] })
    await untilStatus('web', 'Up')
    await untilStatus('fresh', 'Created')
    await untilStatus('bad', 'Exited (3)')
    expect(entry('web')).toMatchObject({ id, container: id.slice(0, 10), state: 'running', labels })
    expect(portsOf(entry('web')!)).toMatchObject([
      { PrivatePort: '80', PublicPort: '8080', Type: 'tcp' },
      { PrivatePort: '9000', PublicPort: '9000', Type: 'udp' },
    ])
    await containers.pause('web')
    await untilStatus('web', 'Up (Paused)')
    await containers.unpause('web')
    await containers.rename('web', 'shop')
    await untilStatus('shop', 'Up')
    await containers.kill('shop')
    await untilStatus('shop', 'Exited (137)')
    await containers.start('shop')
    await untilStatus('shop', 'Up')
    await containers.stop('shop')
    await untilStatus('shop', 'Exited (0)')
    await containers.rm('fresh')
    await world.until('it is gone', () => entry('fresh') === undefined, WAIT_S)
  }

  async function showsProcesses(): Promise<void> {
    const busy = ['sh', '-c', 'while :; do :; done']
    await podman.containers.run({ name: 'busy', network: 'none', cmd: busy })
    const loop = () => publishedTop(world.config(vm)['docker_top'], 'busy')?.processes[0]
    await world.until('the loop is seen working', () => Number(loop()?.CPU) >= 10, WAIT_S)
    expect(loop()).toMatchObject({ USER: 'root', CMD: 'sh -c while :; do :; done' })
    expect(loop()).toHaveProperty('PID', expect.stringMatching(/^\d+$/))
    expect(loop()).toHaveProperty('PPID', expect.stringMatching(/^\d+$/))
    expect(loop()).toHaveProperty('TIME', expect.stringMatching(/^(?:\d+-)?\d\d:\d\d:\d\d$/))
    expect(Number(loop()?.CPU)).toBeLessThanOrEqual(130)
    await podman.containers.kill('busy')
    await untilStatus('busy', 'Exited (137)')
  }

  async function tellsWhatTheCliTells(): Promise<void> {
    sshd.dropConnections()
    await podman.containers.run({ name: 'late', network: 'none' })
    await untilStatus('late', 'Up')
    await world.untilQuiet()
    const truth = rowsOfCli(await podman.cli('ps', '-a', '--no-trunc', '--format', CLI_COLUMNS))
    expect(truth.map(({ names }) => names).sort()).toEqual(['bad', 'busy', 'late', 'shop'])
    expect(withoutAddresses(rowsOfDocument(world.entries(vm)))).toEqual(withoutAddresses(truth))
  }

  it.concurrent("follows root's Podman, once the user may use it", async () => {
    await isRefusedFirst()
    await followsContainers()
    await showsProcesses()
    await tellsWhatTheCliTells()
  })

  it.concurrent("finds a user's own Podman without being told, and notices that it answers nothing", async () => {
    const guest = await startGuest()
    await guest.addUser({ name: 'core', keys: [POOL_PUBLIC_LINE] })
    const socket = `/run/user/${(await guest.exec('id', '-u', 'core')).trim()}/podman/podman.sock`
    const rootless = await RealPodman.start(guest, { socket })
    await rootless.giveSocketTo('core:core')
    const at = await RealSshd.start(guest, { network: '127.65.1', port: sshd.port })
    await rootless.containers.run({ name: 'mine', network: 'none' })
    const own = addVm(world, 'rootless', [at.address])
    await world.untilMonitored(own, WAIT_S)
    expect(world.containers(own)).toMatchObject({ mine: { status: 'Up' } })
    await rootless.containers.pause('mine')
    await world.until('it is paused', () => world.containers(own)['mine']?.['status'] === 'Up (Paused)')
    await rootless.containers.unpause('mine')
    rootless.freeze()
    await world.untilFailed(own, /container engine did not answer .* within 15 s/, 120)
    rootless.thaw()
    await world.untilMonitored(own, WAIT_S)
    expect(world.wipes(own)).toBe(0)
  })
})

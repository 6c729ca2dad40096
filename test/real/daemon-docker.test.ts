import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import type { Containers } from './containers.ts'
import { describeReal } from './describe-real.ts'
import { engineJson } from './engine-http.ts'
import { CLI_COLUMNS, portsOf, rowsOfCli, rowsOfDocument, stateOf } from './published-list.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { addVm, endAll, startWorld, type RealSetting } from './real-world.ts'
import { publishedTop } from './published-top.ts'

describeReal('the daemon and a real Docker engine', ['sshd', 'dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  let dockerd: RealDockerd
  let containers: Containers
  let world: World
  let vm: SimVm

  beforeAll(async () => {
    const guest = await RealGuest.start()
    setting.guests.push(guest)
    dockerd = await RealDockerd.start(guest)
    containers = dockerd.containers
    const sshd = await RealSshd.start(guest, { network: '127.63.0' })
    await guest.addUser({ name: 'core', groups: ['docker'], keys: [POOL_PUBLIC_LINE] })
    world = setting.world = await startWorld(sshd.port)
    vm = addVm(world, 'docker', [sshd.address])
    await world.startDaemon()
    await world.untilMonitored(vm)
  })
  afterAll(() => endAll(setting))

  const entry = (name: string) => world.containers(vm)[name]
  const untilStatus = (name: string, status: string) =>
    world.until(`${name} is ${status}`, () => entry(name)?.['status'] === status)
  const untilHealth = (name: string, health: string) =>
    world.until(`${name} is ${health}`, () => entry(name)?.['health'] === health)

  it.concurrent('shows published ports, compose labels and the command', async () => {
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web', entry: 'ghost' }
    const ports = ['8080:80', '127.0.0.1:8443:443', '9000:9000/udp']
    const id = await containers.run({ name: 'shop-web-1', ports, labels })
    await untilStatus('shop-web-1', 'Up')
    expect(entry('shop-web-1')).toMatchObject({
      id,
      container: id.slice(0, 10),
      image: 'busybox:test',
      state: 'running',
      labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
    })
    const shown = portsOf(entry('shop-web-1')!).filter(({ IP }) => IP !== '::')
    expect(shown).toEqual([
      { IP: '0.0.0.0', PrivatePort: '80', PublicPort: '8080', Type: 'tcp' },
      { IP: '127.0.0.1', PrivatePort: '443', PublicPort: '8443', Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: '9000', PublicPort: '9000', Type: 'udp' },
    ])
  })

  it.concurrent('follows pause, unpause, rename, stop, start, kill and removal', async () => {
    await containers.run({ name: 'one', network: 'none' })
    await untilStatus('one', 'Up')
    await containers.pause('one')
    await untilStatus('one', 'Up (Paused)')
    expect(entry('one')).toMatchObject({ state: 'paused' })
    await containers.unpause('one')
    await containers.rename('one', 'uno')
    await untilStatus('uno', 'Up')
    expect(entry('one')).toBeUndefined()
    await containers.stop('uno')
    await untilStatus('uno', 'Exited (0)')
    await containers.start('uno')
    await untilStatus('uno', 'Up')
    await containers.kill('uno')
    await untilStatus('uno', 'Exited (137)')
    await containers.rm('uno')
    await world.until('it is gone', () => entry('uno') === undefined)
  })

  it.concurrent('shows what ended by itself, what loops, and what never ran', async () => {
    const fails = ['sh', '-c', 'exit 3']
    await containers.create({ name: 'fresh', network: 'none' })
    await containers.run({ name: 'bad', network: 'none', cmd: fails })
    await containers.run({ name: 'good', network: 'none', cmd: ['true'] })
    await containers.run({ name: 'again', network: 'none', cmd: fails, restart: 'always' })
    await untilStatus('fresh', 'Created')
    await untilStatus('bad', 'Exited (3)')
    await untilStatus('good', 'Exited (0)')
    await untilStatus('again', 'Restarting (3)')
    await containers.stop('again')
    await untilStatus('again', 'Exited (3)')
  })

  it.concurrent('tells health from status', async () => {
    const health = 'until test -e /well; do sleep 0.1; done; test ! -e /sick'
    await containers.run({ name: 'patient', network: 'none', health })
    await untilHealth('patient', 'starting')
    expect(entry('patient')).toMatchObject({ status: 'Up' })
    await dockerd.cli('exec', 'patient', 'touch', '/well')
    await untilHealth('patient', 'healthy')
    expect(entry('patient')).toMatchObject({ status: 'Up' })
    await dockerd.cli('exec', 'patient', 'touch', '/sick')
    await untilHealth('patient', 'unhealthy')
    expect(entry('patient')).toMatchObject({ status: 'Up' })
  })

  it.concurrent('shows names, commands and labels that are hard on XML', async () => {
    const cmd = ['sh', '-c', 'echo "<a> & b ]]> \u0001\u001b[31m \u{1F433}"; sleep 1000', 'x'.repeat(1000)]
    const labels = { 'com.docker.compose.service': ']]></service><entry>&amp;\u0007', '': 'empty', 'a b=c/d': '"' }
    await containers.run({ name: 'odd', network: 'none', cmd, labels })
    await untilStatus('odd', 'Up')
    const listed = await containers.find('odd')
    const clean = (text: string) => text.replace(/[\0-\x08\x0b-\x1f]/g, '\uFFFD')
    expect(entry('odd')?.['command']).toBe(clean(listed!.Command.slice(0, 256)))
    expect(entry('odd')?.['labels']).toEqual({ 'com.docker.compose.service': clean(']]></service><entry>&amp;\u0007') })
  })

  it.concurrent('shows thirty containers', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `many-${i}`)
    await Promise.all(names.map((name) => containers.run({ name, network: 'none' })))
    await world.until('all are up', () => names.every((name) => entry(name)?.['status'] === 'Up'))
  })

  it.concurrent('shows the processes of the containers and what they use', async () => {
    const busy = ['sh', '-c', 'sleep 1000 & exec sh -c "while :; do :; done"']
    const id = await containers.run({ name: 'busy', network: 'none', cmd: busy })
    await containers.run({ name: 'idle', network: 'none' })
    const processes = (name: string) => publishedTop(world.config(vm)['docker_top'], name)?.processes ?? []
    const loop = () => processes('busy').find(({ CMD }) => CMD?.includes('while :'))
    // Close to 100 on a machine that has nothing else to do. Engines tell whole seconds: 4 s are off by 25 % at most.
    await world.until('the loop is seen working', () => Number(loop()?.CPU) >= 10)
    expect(Number(loop()?.CPU)).toBeLessThanOrEqual(130)
    expect(loop()).toEqual({
      PID: expect.stringMatching(/^\d+$/) as string,
      PPID: expect.stringMatching(/^\d+$/) as string,
      USER: 'root',
      TIME: expect.stringMatching(/^00:\d\d:\d\d$/) as string,
      CPU: expect.stringMatching(/^\d+\.\d$/) as string,
      CMD: 'sh -c while :; do :; done',
    })
    expect(publishedTop(world.config(vm)['docker_top'], 'busy')?.container).toBe(id.slice(0, 10))
    const told = await engineJson<{ Processes: string[][] }>(dockerd.socket, 'GET', '/containers/busy/top')
    const pids = (rows: readonly (string | undefined)[]) => rows.toSorted()
    expect(pids(processes('busy').map(({ PID }) => PID))).toEqual(pids(told.Processes.map((row) => row[1])))
    expect(processes('busy').find(({ CMD }) => CMD === 'sleep 1000')).toMatchObject({ CPU: '0.0', PPID: loop()!.PID })
    expect(processes('idle').map(({ CPU }) => CPU)).toEqual(['0.0', '0.0'])
    await containers.rm('busy')
    await world.until('its processes are gone', () => processes('busy').length === 0)
  })

  it('tells in the end what the engine tells, through its API and its CLI', async () => {
    const listed = await containers.list()
    const wanted = listed.map((item) => ({
      id: item.Id,
      container: item.Id.slice(0, 10),
      names: item.Names[0]?.slice(1),
      image: item.Image,
      created: String(item.Created),
      status: stateOf(item.Status),
      state: item.State,
    }))
    const byId = (a: { id?: unknown }, b: { id?: unknown }) => (String(a.id) < String(b.id) ? -1 : 1)
    expect(listed.length).toBeGreaterThan(35)
    await world.until('as many as the engine has', () => world.entries(vm).length === listed.length)
    await world.untilQuiet()
    expect(world.entries(vm).sort(byId)).toMatchObject(wanted.sort(byId))
    const cli = rowsOfCli(await dockerd.cli('ps', '-a', '--no-trunc', '--format', CLI_COLUMNS))
    expect(rowsOfDocument(world.entries(vm))).toEqual(cli)
    expect(elementsNamed('entry', new XMLParser().parse(world.config(vm)['docker_ps']!))).toBe(listed.length)
  })

  it('passes on what the engine tells of itself', async () => {
    const parser = new XMLParser({ parseTagValue: false })
    const shown = (root: string) => (parser.parse(world.config(vm)[root]!) as Record<string, unknown>)[root]
    const text = (value: unknown) => (value === true ? 'True' : value === false ? 'False' : String(value))
    const told = await engineJson<Record<string, unknown>>(dockerd.socket, 'GET', '/info')
    await world.until('docker_info is there', () => world.config(vm)['docker_info'] !== undefined)
    const stable = ['DockerRootDir', 'OperatingSystem', 'MemTotal', 'Driver', 'IndexServerAddress', 'Name', 'NCPU']
    const more = ['Debug', 'ID', 'IPv4Forwarding', 'KernelVersion', 'MemoryLimit', 'SwapLimit', 'Images']
    for (const name of [...stable, ...more]) expect(shown('docker_info')).toHaveProperty(name, text(told[name]))
    for (const name of ['NGoroutines', 'NFd', 'NEventsListener', 'DriverStatus', 'Labels', 'Containers']) {
      expect(shown('docker_info')).toHaveProperty(name)
    }
    const version = await engineJson<Record<string, unknown>>(dockerd.socket, 'GET', '/version')
    for (const name of ['Version', 'ApiVersion', 'GoVersion', 'GitCommit', 'Os', 'Arch', 'KernelVersion']) {
      expect(shown('docker_version')).toHaveProperty(name, version[name])
    }
    const count = () => (shown('docker_info') as Record<string, unknown>)['ContainersRunning']
    await world.until('docker_info counts the containers', () => count() === text(told['ContainersRunning']))
  })

  it('shows that all are gone', async () => {
    await containers.rmAll()
    await world.until('the list is empty', () => world.entries(vm).length === 0)
    await world.until('no processes are shown', () => world.config(vm)['docker_top'] === '<docker_top/>')
  })
})

/** How often an element has this name, wherever it stands: XenCenter takes each `entry` for a container. */
function elementsNamed(name: string, value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [key, inner]) => sum + Number(key === name) + elementsNamed(name, inner), 0)
}

import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import { describeReal } from './describe-real.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { addVm, endAll, startWorld, type RealSetting } from './real-world.ts'

/** A refused guest is tried again every 15 to 20 s. */
const RETRY_S = 45
vi.setConfig({ testTimeout: 240_000 })

describeReal('the daemon and guests that are set up otherwise', ['sshd', 'dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  let world: World
  let docker: RealGuest
  let dockerd: RealDockerd
  let sshd: RealSshd
  let silent: Server

  beforeAll(async () => {
    docker = await startGuest()
    dockerd = await RealDockerd.start(docker, { net: 'host' })
    const strict = ['Match User strict', 'AllowStreamLocalForwarding no']
    sshd = await RealSshd.start(docker, { network: '127.64.0', config: strict })
    const keys = [POOL_PUBLIC_LINE]
    await docker.addUser({ name: 'core', groups: ['docker'], keys })
    await docker.addUser({ name: 'outsider', keys })
    await docker.addUser({ name: 'keyless', groups: ['docker'] })
    await docker.addUser({ name: 'strict', groups: ['docker'], keys })
    await dockerd.containers.run({ name: 'web', network: 'none' })
    silent = createServer().listen(sshd.port, '127.64.99.2')
    await once(silent, 'listening')
    world = setting.world = await startWorld(sshd.port)
    await world.startDaemon()
  })
  afterAll(async () => {
    silent?.close()
    await endAll(setting)
  })

  async function startGuest(): Promise<RealGuest> {
    const guest = await RealGuest.start()
    setting.guests.push(guest)
    return guest
  }

  const vmOf = (username: string) => addVm(world, username, [sshd.address], { 'xscontainer-username': username })
  const expectWeb = (vm: { readonly ref: string }) => expect(Object.keys(world.containers(vm))).toEqual(['web'])

  it.concurrent('a user who may not use the socket: names user, socket and cure, and sees the cure', async () => {
    const vm = vmOf('outsider')
    await world.untilFailed(
      vm,
      /User outsider may not use the engine's socket \/\S*run\/docker\.sock in the guest at 127\.64\.0\.1.*usermod -aG docker outsider/,
    )
    await docker.exec('usermod', '-aG', 'docker', 'outsider')
    await world.untilMonitored(vm, RETRY_S)
    expectWeb(vm)
  })

  it.concurrent('a guest without the key: names key, user and cure, and sees the cure', async () => {
    const vm = vmOf('keyless')
    await world.untilFailed(vm, /127\.64\.0\.1 refused the key of this pool for user keyless/)
    await docker.authorize('keyless', POOL_PUBLIC_LINE)
    await world.untilMonitored(vm, RETRY_S)
    expectWeb(vm)
  })

  it.concurrent('a user who is not there: the same as without a key', async () => {
    await world.untilFailed(vmOf('nobody-here'), /refused the key of this pool for user nobody-here/)
  })

  it.concurrent('no forwarding by sshd: through a program in the guest, whichever there is, or the cause', async () => {
    const vm = vmOf('strict')
    const rungs = () => [...(world.daemons[0]?.log() ?? '').matchAll(new RegExp(`"${vm.uuid}".*"rung":"([^"]+)"`, 'g'))]
    const untilRung = (rung: string) => world.until(`by ${rung}`, () => rungs().at(-1)?.[1] === rung, RETRY_S)
    await untilRung('docker system dial-stdio')
    await world.untilMonitored(vm)
    expectWeb(vm)

    await docker.hide('docker')
    sshd.dropConnections()
    await untilRung('socat')
    await world.untilMonitored(vm)
    await dockerd.containers.rename('web', 'web-2')
    await world.until('events come that way too', () => 'web-2' in world.containers(vm))
    await dockerd.containers.rename('web-2', 'web')

    await docker.hide('socat', 'nc', 'ncat')
    sshd.dropConnections()
    await world.untilFailed(
      vm,
      /SSH server of the guest at 127\.64\.0\.1 does not forward to the engine's socket \S+docker\.sock, and .*no docker, socat, ncat or nc.*AllowStreamLocalForwarding yes.* or install socat/,
    )
  })

  it.concurrent('addresses that are dead do not keep the daemon from the one that is not', async () => {
    // Nobody listens at the first; the second takes connections and says nothing.
    const vm = addVm(world, 'addresses', ['127.64.99.1', '127.64.99.2', sshd.address])
    await world.untilMonitored(vm, RETRY_S)
    expectWeb(vm)
  })

  it.concurrent('no engine at all, then one at an unusual place', async () => {
    const guest = await startGuest()
    const other = await RealSshd.start(guest, { network: '127.64.1', port: sshd.port })
    await guest.addUser({ name: 'core', groups: ['docker'], keys: [POOL_PUBLIC_LINE] })
    const vm = addVm(world, 'elsewhere', [other.address])
    await world.untilFailed(
      vm,
      /No Docker or Podman socket was found in the guest at 127\.64\.1\.1.*xscontainer-socket/,
    )

    await world.setKey(vm, 'xscontainer-socket', '/run/engine/docker.sock')
    await world.untilFailed(vm, /There is no socket \/run\/engine\/docker\.sock in the guest at 127\.64\.1\.1/, RETRY_S)

    const engine = await RealDockerd.start(guest, { socket: '/run/engine/docker.sock' })
    await engine.containers.run({ name: 'web', network: 'none' })
    await world.untilMonitored(vm, RETRY_S)
    await world.until('its container is there', () => 'web' in world.containers(vm))
  })
})

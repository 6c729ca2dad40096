import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { describeReal } from './describe-real.ts'
import { CLI_COLUMNS, rowsOfCli, rowsOfDocument } from './published-list.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { addVm, endAll, startWorld, type RealSetting } from './real-world.ts'

/** The promised time after which all is right again once the cause is gone, seconds. */
const RECOVERY_S = 45
vi.setConfig({ testTimeout: 240_000 })

/** A whole guest: real sshd, real engine, and its VM. */
interface Machine {
  readonly guest: RealGuest
  readonly dockerd: RealDockerd
  readonly sshd: RealSshd
  readonly vm: SimVm
}

describeReal('the daemon while real sshd and dockerd go and come back', ['sshd', 'dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  let world: World
  /** One for each test, as the tests run at the same time: most of it is waiting. */
  const machines: Machine[] = []

  beforeAll(async () => {
    machines[0] = await startMachine(0)
    const others = [1, 2, 3].map((i) => startMachine(i, machines[0]!.sshd.port))
    machines.push(...(await Promise.all(others)))
    await world.startDaemon()
    for (const { vm } of machines) await world.untilMonitored(vm, 60)
  })
  afterAll(() => endAll(setting))

  async function startMachine(i: number, port?: number): Promise<Machine> {
    const guest = await RealGuest.start()
    setting.guests.push(guest)
    const sshd = await RealSshd.start(guest, { network: `127.63.${i + 1}`, ...(port !== undefined && { port }) })
    const dockerd = await RealDockerd.start(guest)
    await guest.addUser({ name: 'core', groups: ['docker'], keys: [POOL_PUBLIC_LINE] })
    await dockerd.containers.run({ name: 'kept', network: 'none', restart: 'always' })
    await dockerd.containers.run({ name: 'web', network: 'none' })
    world = setting.world ??= await startWorld(sshd.port)
    return { guest, dockerd, sshd, vm: addVm(world, `guest-${i}`, [sshd.address]) }
  }

  /** Monitored again, nothing was taken away meanwhile, and what is told is what the engine's CLI tells. */
  async function expectRecovered({ dockerd, vm }: Machine): Promise<void> {
    await world.untilMonitored(vm, RECOVERY_S)
    const truth = rowsOfCli(await dockerd.cli('ps', '-a', '--no-trunc', '--format', CLI_COLUMNS))
    const told = () => rowsOfDocument(world.entries(vm))
    await world.until('the list is true', () => JSON.stringify(told()) === JSON.stringify(truth))
    expect(world.wipes(vm)).toBe(0)
    expect(world.messages(vm)).toEqual([])
  }

  it.concurrent(
    'follows an engine that restarts, and names one that is stopped or crashed, with the cure',
    async () => {
      const machine = machines[0]!
      const { dockerd, vm } = machine
      const before = world.status(vm)
      await dockerd.stop()
      await dockerd.startAgain()
      await dockerd.containers.until('kept', 'up again', ({ State }) => State === 'running')
      await world.until('monitored anew', () => world.status(vm) !== before, RECOVERY_S)
      await expectRecovered(machine)
      expect(world.containers(vm)).toMatchObject({ kept: { status: 'Up' }, web: { status: 'Exited (0)' } })

      await dockerd.stop()
      await world.untilFailed(
        vm,
        /No Docker or Podman socket .* in the guest at 127\.63\.1\.1.*systemctl enable --now docker/,
      )
      await dockerd.startAgain()
      await expectRecovered(machine)

      await dockerd.stop('SIGKILL')
      await world.untilFailed(
        vm,
        /socket \/var\/run\/docker\.sock is there .* but no engine answers on it.*systemctl restart docker/,
      )
      await dockerd.startAgain()
      await expectRecovered(machine)
    },
  )

  it.concurrent('finds out that an engine answers nothing', async () => {
    const machine = machines[1]!
    await machine.dockerd.containers.rm('kept')
    machine.dockerd.freeze()
    // The container is asked for its processes, then the engine for the list, then for its version: 15 s each.
    await world.untilFailed(machine.vm, /container engine did not answer .* within 15 s.*whether the engine hangs/, 100)
    machine.dockerd.thaw()
    await expectRecovered(machine)
  })

  it.concurrent('comes back after cut connections and a stopped sshd; refuses new host keys', async () => {
    const machine = machines[2]!
    const { dockerd, sshd, vm } = machine
    const before = world.status(vm)
    sshd.dropConnections()
    await dockerd.containers.pause('web')
    await world.until('monitored anew', () => world.status(vm) !== before, RECOVERY_S)
    await expectRecovered(machine)
    expect(world.containers(vm)).toMatchObject({ web: { status: 'Up (Paused)' } })
    expect(sshd.connections()).toBe(1)

    const pin = world.config(vm)['xscontainer-sshhostkey']
    expect(pin).toBe(await sshd.hostKey('ed25519'))
    await sshd.stop()
    await world.untilFailed(vm, /No SSH server listens at 127\.63\.3\.1 port \d+ \(connection refused\)/)
    await sshd.startAgain()
    await expectRecovered(machine)

    await sshd.stop()
    await sshd.changeHostKeys()
    await sshd.startAgain()
    await world.untilFailed(vm, /SSH host key of the guest at 127\.63\.3\.1 is SHA256:.* is pinned for this VM/)
    expect(world.config(vm)['xscontainer-sshhostkey']).toBe(pin)
    await world.setKey(vm, 'xscontainer-sshhostkey', undefined)
    await expectRecovered(machine)
    expect(world.config(vm)['xscontainer-sshhostkey']).toBe(await sshd.hostKey('ed25519'))
  })

  it.concurrent('notices a guest that stands still', async () => {
    const machine = machines[3]!
    machine.guest.freeze()
    await world.untilFailed(
      machine.vm,
      /127\.63\.4\.1.*(?:stopped answering|does not say that it is an SSH server)/,
      60,
    )
    machine.guest.thaw()
    await expectRecovered(machine)
  })
})

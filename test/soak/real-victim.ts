import { setTimeout as sleep } from 'node:timers/promises'
import { GuestNetwork } from '../real/guest-network.ts'
import { stateOf } from '../real/published-list.ts'
import { RealDockerd } from '../real/real-dockerd.ts'
import { RealGuest } from '../real/real-guest.ts'
import { RealSshd } from '../real/real-sshd.ts'
import { PORT, POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import type { SimHost } from '../sim/xapi/sim-host.ts'

const MOST_CONTAINERS = 5

/** A guest with a real sshd and a real dockerd in a network of its own, and what can befall it. */
export class RealVictim {
  readonly vm: SimVm
  readonly network: GuestNetwork
  readonly guest: RealGuest
  readonly sshd: RealSshd
  readonly dockerd: RealDockerd
  readonly #world: World
  #busy = false

  private constructor(world: World, parts: Pick<RealVictim, 'vm' | 'network' | 'guest' | 'sshd' | 'dockerd'>) {
    this.#world = world
    this.vm = parts.vm
    this.network = parts.network
    this.guest = parts.guest
    this.sshd = parts.sshd
    this.dockerd = parts.dockerd
  }

  /** `number`: another one for each. */
  static async start(world: World, host: SimHost, number: number): Promise<RealVictim> {
    const guest = await RealGuest.start()
    try {
      const network = await GuestNetwork.connect(guest, number)
      const dockerd = await RealDockerd.start(guest)
      const sshd = await RealSshd.start(guest, { at: network.address, port: PORT })
      await guest.addUser({ name: 'core', groups: ['docker'], keys: [POOL_PUBLIC_LINE] })
      await dockerd.containers.run({ name: 'web' })
      const vm = world.pool.createVm({
        name: `real-${number}`,
        host,
        otherConfig: { 'xscontainer-monitor': 'True' },
        networks: { '0/ip': network.address },
      })
      return new RealVictim(world, { vm, network, guest, sshd, dockerd })
    } catch (error) {
      await guest.stop()
      throw error
    }
  }

  get name(): string {
    return `real guest at ${this.network.address}`
  }

  /** One thing at a time befalls it; false when something else does. */
  async alone(work: () => Promise<void>): Promise<boolean> {
    if (this.#busy) return false
    this.#busy = true
    await work().finally(() => (this.#busy = false))
    return true
  }

  /** Something happens to one of its containers, as far as its engine lets it. */
  async change(random: () => number): Promise<void> {
    const { containers } = this.dockerd
    const all = await containers.list().catch(() => [])
    const one = all[Math.floor(random() * all.length)]
    const what = random()
    const doIt = async () => {
      if (one === undefined || (what < 0.3 && all.length < MOST_CONTAINERS)) {
        await containers.run({ name: `job-${Math.floor(random() * 1e9)}` })
      } else if (what < 0.5 && all.length > 1) await containers.rm(one.Id)
      else if (one.State === 'paused') await containers.unpause(one.Id)
      else if (one.State !== 'running') await containers.start(one.Id)
      else if (what < 0.75) await containers.pause(one.Id)
      else await containers.kill(one.Id)
    }
    // An engine that hangs or is gone just now does nothing.
    await Promise.race([doIt().catch(() => undefined), sleep(5000)])
  }

  /** What is not as it must be when nothing is wrong around it, one sentence each. */
  async problems(): Promise<string[]> {
    const world = this.#world
    const real = (await this.dockerd.containers.list()).map(
      ({ Id, Names, Status }) => `${Id} ${(Names[0] ?? '').slice(1)} ${stateOf(Status)}`,
    )
    const published = world.entries(this.vm).map(({ id, names, status }) => [id, names, status].join(' '))
    const messages = world.messages(this.vm).length
    const connections = this.sshd.connections()
    return [
      ...(published.sort().join('\n') === real.sort().join('\n')
        ? []
        : [`published ${published.join(', ')}; has ${real.join(', ')}`]),
      ...(world.status(this.vm).startsWith('monitored since') ? [] : [`status is "${world.status(this.vm)}"`]),
      ...(connections === 1 ? [] : [`${connections} connections`]),
      ...(messages === 0 ? [] : [`${messages} messages are left`]),
    ].map((what) => `${this.name}: ${what}`)
  }

  /** What is left of monitoring when the monitors have ended. */
  left(): string[] {
    const keys = this.#world.published(this.vm).filter((key) => key.startsWith('docker_'))
    return [...keys, ...(this.sshd.connections() > 0 ? ['a connection'] : [])].map(
      (what) => `${this.name}: ${what} is left`,
    )
  }

  stop(): Promise<void> {
    return this.guest.stop()
  }
}

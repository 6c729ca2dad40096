import { systemClock } from '../../../src/base/clock.ts'
import type { World, WorldGuest } from '../../scenarios/world.ts'
import { POOL_PUBLIC_LINE } from '../../scenarios/world.ts'
import { HOSTS } from './demo-pool.ts'
import type { PoolView } from './pool-view.ts'
import type { VmView } from './vm-view.ts'

export type Shown = (vm: VmView) => boolean

/** Something that happens to a guest, and how a client of XAPI can tell that it has. */
export interface Scene {
  /** Seconds from the beginning of the story. */
  readonly at: number
  readonly vm: string
  readonly text: string
  /** Times of `container` scenes are compared with each other; the others wait for something by design. */
  readonly kind: 'container' | 'vm' | 'sampled' | 'grace'
  act(): Shown | Promise<Shown>
}

const JOB = { name: 'build-1841', image: 'node:22', command: 'npm ci' }

export function startJob(guest: WorldGuest, at: number): Scene {
  const processes = [
    { command: 'npm ci', cpuRate: 0.2 },
    { command: 'node build.js', cpuRate: 1 },
  ]
  return change(guest, at, `container ${JOB.name} starts`, JOB.name, 'Up', () =>
    guest.engine.run({ ...JOB, processes }),
  )
}

export function endJob(guest: WorldGuest, at: number): Scene {
  return change(guest, at, `container ${JOB.name} fails with exit code 1`, JOB.name, 'Exited (1)', () =>
    guest.engine.end(JOB.name, 1),
  )
}

export function removeJob(guest: WorldGuest, at: number): Scene {
  return change(guest, at, `container ${JOB.name} is removed`, JOB.name, undefined, () => guest.engine.remove(JOB.name))
}

export function pause(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} is paused`, name, 'Up (Paused)', () => guest.engine.pause(name))
}

export function unpause(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} goes on`, name, 'Up', () => guest.engine.unpause(name))
}

export function stop(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} is stopped`, name, 'Exited (143)', () => guest.engine.stop(name))
}

export function start(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} is started`, name, 'Up', () => guest.engine.start(name))
}

/** Something that the guest's engine does to a container; `status` undefined: it is in the list no more. */
function change(
  guest: WorldGuest,
  at: number,
  what: string,
  name: string,
  status: string | undefined,
  act: () => unknown,
): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name}: ${what}`, kind: 'container' },
    act() {
      act()
      return (vm) => vm.containers !== undefined && vm.containers.find((each) => each.name === name)?.status === status
    },
  }
}

/** The new host's daemon has taken over when the status says that monitoring began anew, in this second or later. */
export function migrate(world: World, view: PoolView, guest: WorldGuest, round: number, at: number): Scene {
  const to = round % 2
  return {
    ...{ at, vm: guest.name, text: `${guest.name} migrates to ${HOSTS[to]}`, kind: 'vm' },
    act() {
      const before = view.vm(guest.name)?.status
      const thisSecond = Math.floor(systemClock.now() / 1000) * 1000
      world.pool.migrate(guest, world.pool.hosts[to]!)
      return (vm) => vm.host === HOSTS[to] && isMonitored(vm) && vm.status !== before && vm.sinceMs >= thisSecond
    },
  }
}

export function die(guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} dies: kernel panic`, kind: 'vm' },
    act() {
      guest.sim.refuse()
      guest.sim.dropConnections()
      return (vm) => vm.state !== 'monitored'
    },
  }
}

export function graceOver(view: PoolView, guest: WorldGuest, at: number): Scene {
  const text = `${guest.name}: grace over, list withdrawn, message sent`
  return {
    ...{ at, vm: guest.name, text, kind: 'grace' },
    act: () => (vm) => vm.containers === undefined && vm.state === 'failed' && view.messages(guest.name).length === 1,
  }
}

export function reboot(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} is rebooted and comes back`, kind: 'vm' },
    async act() {
      await guest.sim.admit()
      world.pool.reboot(guest)
      return isMonitored
    },
  }
}

export function busy(guest: WorldGuest, name: string, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name}: ${name} gets busy`, kind: 'sampled' },
    act() {
      guest.engine.setCpuRate(name, 1.8)
      return (vm) => cpuOf(vm, name) > 90
    },
  }
}

export function calm(guest: WorldGuest, name: string, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name}: ${name} calms down`, kind: 'sampled' },
    act() {
      guest.engine.setCpuRate(name, 0.4)
      return (vm) => cpuOf(vm, name) < 90
    },
  }
}

export function registerWithoutKey(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} is registered without the pool's key`, kind: 'vm' },
    act() {
      world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'True')
      return (vm) => vm.state === 'failed'
    },
  }
}

export function installKey(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} gets the key and is registered again`, kind: 'vm' },
    act() {
      guest.sim.setAuthorizedKeys('core', [POOL_PUBLIC_LINE])
      world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'True')
      return isMonitored
    },
  }
}

export function deregister(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} is deregistered`, kind: 'vm' },
    act() {
      guest.sim.setAuthorizedKeys('core', [])
      world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'False')
      return (vm) => vm.state === 'off' && vm.containers === undefined
    },
  }
}

const isMonitored: Shown = (vm) => vm.state === 'monitored' && vm.containers !== undefined

function cpuOf(vm: VmView, name: string): number {
  return vm.containers?.find((each) => each.name === name)?.busiest?.cpu ?? 0
}

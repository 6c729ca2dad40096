import { systemClock } from '../../../src/base/clock.ts'
import type { World, WorldGuest } from '../../scenarios/world.ts'
import { POOL_PUBLIC_LINE } from '../../scenarios/world.ts'
import { guestNamed, HOSTS, NEWCOMER } from './demo-pool.ts'
import type { PoolView } from './pool-view.ts'
import type { VmView } from './vm-view.ts'

/** How long the story is when it is told at its own pace, seconds. */
export const STORY_S = 26
export const SHORT_STORY_S = 7

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

/** The whole story. Odd rounds move web-01 to the second host, even ones bring it back. */
export function story(world: World, view: PoolView, round: number): Scene[] {
  const { ci, db, edge, mail, web } = cast(world)
  return [
    ...(round > 1 ? [deregister(world, mail, 0.2)] : []),
    startJob(ci, 0.5),
    pause(web, 'shop', 2.5),
    registerWithoutKey(world, mail, 4),
    unpause(web, 'shop', 5.5),
    stop(edge, 'node-exporter', 7),
    migrate(world, view, web, round, 8.5),
    die(db, 10),
    graceOver(view, db, 10.1),
    busy(web, 'shop', 11.5),
    installKey(world, mail, 13),
    endJob(ci, 14.5),
    reboot(world, db, 17),
    start(edge, 'node-exporter', 18.5),
    removeJob(ci, 20),
    calm(web, 'shop', 21.5),
  ]
}

/** What fits into a few seconds: the guest is back before its grace is over. */
export function shortStory(world: World, view: PoolView): Scene[] {
  const { ci, db, edge, web } = cast(world)
  return [
    startJob(ci, 0.2),
    pause(web, 'shop', 0.6),
    die(db, 1),
    stop(edge, 'node-exporter', 1.6),
    migrate(world, view, web, 1, 2.2),
    reboot(world, db, 2.6),
    endJob(ci, 3),
    unpause(web, 'shop', 4.2),
    start(edge, 'node-exporter', 4.8),
  ]
}

function cast(world: World) {
  const [ci, db, edge, mail, web] = ['ci-runner', 'db-01', 'flatcar-edge', NEWCOMER, 'web-01'].map((name) =>
    guestNamed(world, name),
  ) as [WorldGuest, WorldGuest, WorldGuest, WorldGuest, WorldGuest]
  return { ci, db, edge, mail, web }
}

function startJob(guest: WorldGuest, at: number): Scene {
  const processes = [
    { command: 'npm ci', cpuRate: 0.2 },
    { command: 'node build.js', cpuRate: 1 },
  ]
  return change(guest, at, `container ${JOB.name} starts`, JOB.name, 'Up', () =>
    guest.engine.run({ ...JOB, processes }),
  )
}

function endJob(guest: WorldGuest, at: number): Scene {
  return change(guest, at, `container ${JOB.name} fails with exit code 1`, JOB.name, 'Exited (1)', () =>
    guest.engine.end(JOB.name, 1),
  )
}

function removeJob(guest: WorldGuest, at: number): Scene {
  return change(guest, at, `container ${JOB.name} is removed`, JOB.name, undefined, () => guest.engine.remove(JOB.name))
}

function pause(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} is paused`, name, 'Up (Paused)', () => guest.engine.pause(name))
}

function unpause(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} goes on`, name, 'Up', () => guest.engine.unpause(name))
}

function stop(guest: WorldGuest, name: string, at: number): Scene {
  return change(guest, at, `container ${name} is stopped`, name, 'Exited (143)', () => guest.engine.stop(name))
}

function start(guest: WorldGuest, name: string, at: number): Scene {
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
function migrate(world: World, view: PoolView, guest: WorldGuest, round: number, at: number): Scene {
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

function die(guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} dies: kernel panic`, kind: 'vm' },
    act() {
      guest.sim.refuse()
      guest.sim.dropConnections()
      return (vm) => vm.state !== 'monitored'
    },
  }
}

function graceOver(view: PoolView, guest: WorldGuest, at: number): Scene {
  const text = `${guest.name}: grace is over: list taken back, message to the admin`
  return {
    ...{ at, vm: guest.name, text, kind: 'grace' },
    act: () => (vm) => vm.containers === undefined && vm.state === 'failed' && view.messages(guest.name).length === 1,
  }
}

function reboot(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} is rebooted and comes back`, kind: 'vm' },
    async act() {
      await guest.sim.admit()
      world.pool.reboot(guest)
      return isMonitored
    },
  }
}

function busy(guest: WorldGuest, name: string, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name}: ${name} gets busy`, kind: 'sampled' },
    act() {
      guest.engine.setCpuRate(name, 1.8)
      return (vm) => cpuOf(vm, name) > 90
    },
  }
}

function calm(guest: WorldGuest, name: string, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name}: ${name} calms down`, kind: 'sampled' },
    act() {
      guest.engine.setCpuRate(name, 0.4)
      return (vm) => cpuOf(vm, name) < 90
    },
  }
}

function registerWithoutKey(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} is registered, but the pool's key is not in it`, kind: 'vm' },
    act() {
      world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'True')
      return (vm) => vm.state === 'failed'
    },
  }
}

function installKey(world: World, guest: WorldGuest, at: number): Scene {
  return {
    ...{ at, vm: guest.name, text: `${guest.name} gets the key and is registered again`, kind: 'vm' },
    act() {
      guest.sim.setAuthorizedKeys('core', [POOL_PUBLIC_LINE])
      world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'True')
      return isMonitored
    },
  }
}

function deregister(world: World, guest: WorldGuest, at: number): Scene {
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

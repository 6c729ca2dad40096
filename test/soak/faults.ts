import { closeSync, existsSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WorldGuest } from '../scenarios/world.ts'
import { socketOf } from '../scenarios/control-socket.ts'
import { behaviourNamed } from '../sim/guest/behaviours/index.ts'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import type { Arena } from './arena.ts'
import type { Step } from './plan.ts'
import type { RealVictim } from './real-victim.ts'

/** Whom a fault hits, and how. */
interface Hit extends Pick<Step, 'forMs' | 'extent'> {
  readonly arena: Arena
  readonly host: SimHost
  readonly guest: WorldGuest
  /** Undefined where there is none. */
  readonly real: RealVictim | undefined
}

/** Lasts `forMs` and then is over, by itself. False: something else was in its way. */
type Fault = (hit: Hit) => Promise<boolean | void>

const FAULTS = {
  // XAPI
  'xapi hangs, then restarts': ({ arena, host, forMs }) =>
    arena.alone([host], async () => {
      host.faults.hang()
      await sleep(forMs)
      await host.faults.clear()
      host.faults.dropConnections()
    }),
  'xapi refuses connections': ({ arena, host, forMs }) =>
    arena.alone([host], async () => {
      await host.faults.refuse()
      await sleep(Math.min(forMs, 5000))
      await host.faults.clear()
    }),
  'xapi answers HTTP 500': ({ arena, host, forMs }) =>
    arena.alone([host], async () => {
      host.faults.http500()
      await sleep(Math.min(forMs, 5000))
      await host.faults.clear()
    }),
  'xapi does what it is asked and loses the answers': ({ arena, host, forMs }) =>
    arena.alone([host], async () => {
      host.faults.loseAnswers()
      await sleep(Math.min(forMs, 3000))
      await host.faults.clear()
    }),
  'xapi is slow': ({ arena, host, forMs, extent }) =>
    arena.alone([host], async () => {
      host.faults.slow(50 + extent * 1500)
      await sleep(Math.min(forMs, 5000))
      await host.faults.clear()
    }),
  'xapi cuts all connections': async ({ host }) => host.faults.dropConnections(),
  'xapi forgets all sessions': async ({ host }) => host.faults.dropSessions(),
  'the toolstack restarts': ({ arena, extent }) =>
    arena.alone(arena.hosts, () => arena.world.pool.restart(200 + extent * 3000)),
  'another host becomes the coordinator': ({ arena, host, extent }) =>
    arena.alone(arena.hosts, () => arena.world.pool.changeCoordinator(host, 200 + extent * 2000)),
  // Guests: the network, sshd, the engine
  'a guest is cut off from the network': async ({ guest, forMs }) => {
    guest.sim.freeze()
    await sleep(forMs)
    guest.sim.thaw()
  },
  'sshd goes away': async ({ guest, forMs }) => {
    guest.sim.refuse()
    guest.sim.dropConnections()
    await sleep(forMs)
    await guest.sim.admit()
  },
  'a connection to a guest breaks': async ({ guest }) => guest.sim.dropConnections(),
  'the engine goes away': async ({ guest, forMs }) => {
    guest.engine.stopEngine()
    await sleep(forMs)
    guest.engine.startEngine()
  },
  'the engine restarts and ends its containers': async ({ guest }) =>
    guest.engine.restartEngine({ liveRestore: false }),
  'a guest misbehaves': async ({ guest, forMs, extent }) => {
    const over = guest.sim.behave(MISBEHAVIOURS[Math.floor(extent * MISBEHAVIOURS.length)]!)
    if (extent < 0.5) guest.sim.dropConnections()
    await sleep(forMs)
    over()
  },
  // The pool
  'a VM migrates': async ({ arena, guest, extent }) => {
    for (let i = 0; i <= Math.floor(extent * 3); i++) {
      const { resident_on: host } = arena.world.pool.record('VM', guest.ref)!
      arena.world.pool.migrate(
        guest,
        arena.hosts.find(({ ref }) => ref !== host)!,
      )
      await sleep(extent * 500)
    }
  },
  'a VM reboots': async ({ arena, guest }) => {
    guest.sim.dropConnections()
    arena.world.pool.reboot(guest)
  },
  'a VM is halted and started': async ({ arena, guest, host, forMs }) => {
    arena.world.pool.setPower(guest, 'Halted')
    guest.sim.dropConnections()
    await sleep(forMs)
    arena.world.pool.setPower(guest, 'Running', host)
  },
  'a VM is deregistered and registered': async ({ arena, guest, forMs }) => {
    arena.world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'False')
    await sleep(forMs)
    arena.world.pool.setOtherConfigKey(guest, 'xscontainer-monitor', 'True')
  },
  // The daemon and its surroundings
  'the daemon is killed with -9': ({ arena, host, extent }) => arena.restartDaemon(host, 'SIGKILL', extent * 3000),
  'the daemon is restarted': ({ arena, host, extent }) => arena.restartDaemon(host, 'SIGTERM', extent * 1000),
  'the daemon stands still': async ({ arena, host, forMs }) => {
    const daemon = arena.daemon(host)
    daemon.freeze()
    await sleep(Math.min(forMs, 12_000))
    daemon.resume()
  },
  'the control socket is flooded with nonsense': ({ arena, host, forMs, extent }) =>
    nonsense(socketOf(arena.world, host.index), 5 + Math.floor(extent * 60), forMs),
  'the disk for logs is full': async ({ arena, forMs }) => {
    if (arena.logDisk === undefined) return false
    const path = join(arena.logDisk, 'filler')
    fill(path)
    await sleep(forMs)
    rmSync(path, { force: true })
  },
  'the clock jumps': async ({ arena, host, extent }) => {
    if (!existsSync(`${arena.clockFile(host)}.ready`)) return false
    const hours = extent < 0.5 ? -24 * extent : 24 * extent
    writeFileSync(arena.clockFile(host), String(Math.round(hours * 3_600_000)))
    arena.daemon(host).child.kill('SIGUSR2')
  },
} satisfies Record<string, Fault>

/** One that befalls a real guest: it begins, lasts and is over. */
function befalls(begin: (guest: RealVictim) => unknown, end: (guest: RealVictim) => unknown): Fault {
  return ({ real, forMs }) =>
    real?.alone(async () => {
      await begin(real)
      await sleep(forMs)
      await end(real)
    }) ?? Promise.resolve(false)
}

const REAL_FAULTS = {
  'real: sshd is killed': befalls(
    ({ sshd }) => sshd.stop(),
    ({ sshd }) => sshd.startAgain(),
  ),
  'real: sshd stands still': befalls(
    ({ sshd }) => sshd.freeze(),
    ({ sshd }) => sshd.thaw(),
  ),
  'real: connections are killed': befalls(
    ({ sshd }) => sshd.dropConnections(),
    () => undefined,
  ),
  'real: dockerd is killed': befalls(
    ({ dockerd }) => dockerd.stop('SIGKILL'),
    ({ dockerd }) => dockerd.startAgain(),
  ),
  'real: dockerd is restarted': befalls(
    ({ dockerd }) => dockerd.stop(),
    ({ dockerd }) => dockerd.startAgain(),
  ),
  'real: dockerd stands still': befalls(
    ({ dockerd }) => dockerd.freeze(),
    ({ dockerd }) => dockerd.thaw(),
  ),
  'real: the guest stands still': befalls(
    ({ guest }) => guest.freeze(),
    ({ guest }) => guest.thaw(),
  ),
  'real: the network is cut': befalls(
    ({ network }) => network.cut(),
    ({ network }) => network.mend(),
  ),
  'real: the network loses packets': befalls(
    ({ network }) => network.lose(),
    ({ network }) => network.loseNoMore(),
  ),
  'real: the network is slow': befalls(
    ({ network }) => network.slow(),
    ({ network }) => network.fast(),
  ),
} satisfies Record<string, Fault>

export type RealFaultName = keyof typeof REAL_FAULTS
export type FaultName = keyof typeof FAULTS | RealFaultName

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]
/** For arenas with real guests, besides the others. */
export const REAL_FAULT_NAMES = Object.keys(REAL_FAULTS) as RealFaultName[]

const MISBEHAVIOURS = [
  ...['accept-and-close', 'stalled-handshake-offered', 'silent-channel', 'silent-engine', 'slow-reply', 'cut-reply'],
  ...['truncated-json', 'server-error', 'html-engine', 'half-events', 'hostile-names', 'key-not-installed'],
].map(behaviourNamed)

/** Injects it and waits until it is over; false when something else was in its way. */
export async function inject(arena: Arena, step: Step): Promise<boolean> {
  const guest = arena.guests[step.whom % arena.guests.length]!
  const host = arena.hosts[Math.floor(step.whom / 7) % arena.hosts.length]!
  const real = arena.real[step.whom % Math.max(arena.real.length, 1)]
  const fault: Fault = { ...FAULTS, ...REAL_FAULTS }[step.fault]
  return (await fault({ arena, guest, host, real, forMs: step.forMs, extent: step.extent })) !== false
}

/** Connections that send nothing, half a frame, or what is no frame, and stay. */
async function nonsense(path: string, count: number, forMs: number): Promise<void> {
  const sent = [Buffer.alloc(0), Buffer.from([0, 0, 0]), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(100, 255)]
  const sockets = Array.from({ length: count }, (_, i) => {
    const socket = connect(path).on('error', () => undefined)
    socket.write(sent[i % sent.length]!)
    return socket
  })
  await sleep(forMs)
  for (const socket of sockets) socket.destroy()
}

/** Takes all the room there is. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  const block = Buffer.alloc(1 << 20)
  try {
    for (let size = block.length; size > 0;) {
      try {
        writeSync(file, block, 0, size)
      } catch {
        size >>= 1
      }
    }
  } finally {
    closeSync(file)
  }
}

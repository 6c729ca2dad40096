import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFrozen } from './process-state.ts'
import type { DaemonProcess } from '../scenarios/daemon-process.ts'
import { World, type WorldGuest } from '../scenarios/world.ts'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import { CLOCK_JUMPS } from './clock-jumps.ts'
import { RealVictim } from './real-victim.ts'

const LOG_DISK_BYTES = 64 << 20

/** What is to be there all the time and is put back after each round. */
export interface Counts {
  readonly sessions: number
  readonly secrets: number
  readonly connections: readonly number[]
  readonly files: readonly number[]
  readonly channels: number
}

/** Two hosts with a supervised daemon each, and guests: what the soak does its harm to. */
export class Arena {
  readonly world: World
  /** Those that are monitored whenever nothing is wrong. */
  readonly guests: WorldGuest[] = []
  /** Not registered, and halted: nobody may publish anything about them. */
  readonly idle: WorldGuest[] = []
  /** With a real sshd and a real engine, monitored as well. */
  readonly real: RealVictim[] = []
  /** What has happened that never may, one sentence each. */
  readonly wrongs: string[] = []
  /** The directory of the second host's log, a small disk of its own where this process may mount one. */
  readonly logDisk: string | undefined
  restarts = 0
  readonly #daemons = new Map<SimHost, DaemonProcess>()
  readonly #expectedEnds = new Set<DaemonProcess>()
  readonly #busy = new Set<SimHost>()

  private constructor(world: World) {
    this.world = world
    this.logDisk = mounted(join(world.dir, 'log-disk'))
  }

  static async start(guests: number, realGuests: number): Promise<Arena> {
    const world = await World.start({
      hosts: 2,
      settings: { monitor: { grace_s: 15, resync_s: 30, top_schedule: '*/5 * * * * *' }, guest: { handshakes: 8 } },
    })
    const arena = new Arena(world)
    try {
      for (let i = 0; i < guests; i++) {
        const host = world.pool.hosts[i % 2]!
        const otherConfig = { folder: `/folder-${i}`, 'XenCenter.CustomFields.owner': `owner-${i} <&>` }
        const guest = await world.addGuest({ host, otherConfig, engine: { containers: [{ name: 'web' }] } })
        ;(i < guests - 2 ? arena.guests : arena.idle).push(guest)
      }
      for (let i = 0; i < realGuests; i++) {
        arena.real.push(await RealVictim.start(world, world.pool.hosts[i % 2]!, i))
      }
      for (const host of world.pool.hosts) await arena.startDaemon(host)
      for (const guest of [...world.guests, ...arena.real.map(({ vm }) => vm)]) await world.untilMonitored(guest, 60)
      world.pool.setPower(arena.idle[0]!, 'Halted')
      await world.setKey(arena.idle[1]!, 'xscontainer-monitor', 'False')
      return arena
    } catch (error) {
      await arena.stop().catch(() => undefined)
      throw error
    }
  }

  get hosts(): readonly SimHost[] {
    return this.world.pool.hosts
  }

  daemon(host: SimHost): DaemonProcess {
    return this.#daemons.get(host)!
  }

  clockFile(host: SimHost): string {
    return join(this.world.dir, `clock-${host.index}`)
  }

  async startDaemon(host: SimHost): Promise<void> {
    writeFileSync(this.clockFile(host), '0')
    rmSync(`${this.clockFile(host)}.ready`, { force: true })
    const log = host.index === 1 && this.logDisk !== undefined ? join(this.logDisk, `${this.restarts}.log`) : undefined
    const env = { NODE_OPTIONS: CLOCK_JUMPS, SOAK_CLOCK: this.clockFile(host) }
    const daemon = await this.world.startDaemon(host, { env, ...(log !== undefined && { log }) })
    this.#daemons.set(host, daemon)
    void daemon.ended.then((code) => {
      if (!this.#expectedEnds.has(daemon)) this.wrongs.push(`the daemon of host ${host.index} ended by itself: ${code}`)
    })
  }

  /** Ends the daemon as `how` does and starts it anew after `downMs`, as systemd would. */
  async restartDaemon(host: SimHost, how: 'SIGKILL' | 'SIGTERM', downMs: number): Promise<void> {
    const daemon = this.daemon(host)
    if (this.#expectedEnds.has(daemon)) return
    this.#expectedEnds.add(daemon)
    if (how === 'SIGKILL') await daemon.kill()
    else await this.#terminate(host, daemon)
    await sleep(downMs)
    this.restarts++
    await this.startDaemon(host)
  }

  /** As systemd does, which kills what does not end. Until Node runs our code, SIGTERM ends it as it ends any process. */
  async #terminate(host: SimHost, daemon: DaemonProcess): Promise<void> {
    const code = await daemon.terminate(20)
    if (code === 0 || daemon.child.signalCode === 'SIGTERM') return
    // One that stands still cannot end.
    if (!isFrozen(daemon.child.pid)) this.wrongs.push(`told to end, the daemon of host ${host.index} gave ${code}`)
    await daemon.kill()
  }

  /** One thing at a time happens to the XAPI of each of these hosts; false when something else is under way there. */
  async alone(hosts: readonly SimHost[], work: () => Promise<void>): Promise<boolean> {
    if (hosts.some((host) => this.#busy.has(host))) return false
    for (const host of hosts) this.#busy.add(host)
    await work().finally(() => hosts.forEach((host) => this.#busy.delete(host)))
    return true
  }

  counts(): Counts {
    const { pool, guests } = this.world
    return {
      sessions: pool.openSessions()['xscontainer'] ?? 0,
      secrets: pool.db.table('secret').rows.size,
      connections: this.hosts.map((host) => pool.connections(host)),
      files: this.hosts.map((host) => openFiles(this.daemon(host).child.pid)),
      channels: guests.reduce((sum, { sim }) => sum + sim.counters.channels, 0),
    }
  }

  /** Ends all; rejects with what the daemons did that none may ever do. */
  async stop(): Promise<void> {
    for (const daemon of this.#daemons.values()) this.#expectedEnds.add(daemon)
    try {
      await Promise.all(this.world.daemons.map((daemon) => daemon.kill()))
      const logged = this.world.daemons.flatMap((daemon) => daemon.wrongs())
      if (logged.length > 0) throw new Error(logged.join('\n'))
    } finally {
      if (this.logDisk !== undefined) spawnSync('umount', ['-l', this.logDisk])
      await Promise.all(this.real.map((guest) => guest.stop()))
      await this.world.stop()
    }
  }

  /** Ends both daemons as systemd does; what is wrong with how they ended. */
  async endDaemons(): Promise<string[]> {
    const ended = this.hosts.map((host) => this.daemon(host))
    for (const daemon of ended) this.#expectedEnds.add(daemon)
    const codes = await Promise.all(ended.map((daemon) => daemon.terminate(30)))
    return codes.flatMap((code, i) => (code === 0 ? [] : [`the daemon of host ${i} ended with ${String(code)}`]))
  }
}

/** A small file system in memory, or undefined where this process may not mount one. */
function mounted(path: string): string | undefined {
  mkdirSync(path)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${LOG_DISK_BYTES}`, 'tmpfs', path])
  if (status === 0) return path
  rmSync(path, { recursive: true })
  return undefined
}

function openFiles(pid: number | undefined): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

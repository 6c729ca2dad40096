import { setTimeout as sleep } from 'node:timers/promises'
import { rssMb } from '../bench/process-meter.ts'
import { Arena, type Counts } from './arena.ts'
import { FAULT_NAMES, inject, REAL_FAULT_NAMES, type FaultName } from './faults.ts'
import { leaks, problems } from './invariants.ts'
import { People } from './people.ts'
import { planRound, seeded } from './plan.ts'

export interface SoakWish {
  readonly seed: number
  readonly guests: number
  /** Besides these, with a real sshd and a real engine each. */
  readonly realGuests: number
  /** Wall time for everything but start and end. */
  readonly seconds: number
  /** Of these, how long faults are injected before all must be right again. */
  readonly roundSeconds: number
  readonly longestMs: number
  readonly everyMs: number
  /** Seconds after the last fault of a round within which all must be right. */
  readonly boundS: number
  readonly say?: (line: string) => void
}

export interface SoakReport {
  readonly seed: number
  readonly injected: Readonly<Partial<Record<FaultName, number>>>
  /** Because something else was in their way, or because they cannot be had here. */
  readonly leftOut: Readonly<Partial<Record<FaultName, number>>>
  /** Milliseconds from the last fault of each round until all was right. */
  readonly recoveriesMs: readonly number[]
  readonly containerChanges: number
  readonly foreignWrites: number
  readonly daemonStarts: number
  readonly mostRssMb: number
}

/** One soak on its own arena. Rejects, with the seed, at the first thing that is not as it must be. */
export class Soak {
  readonly #arena: Arena
  readonly #wish: SoakWish
  readonly #random: () => number
  readonly #people: People
  readonly #injected: Partial<Record<FaultName, number>> = {}
  readonly #leftOut: Partial<Record<FaultName, number>> = {}
  readonly #recoveries: number[] = []
  #mostRss = 0
  #watching = true

  private constructor(arena: Arena, wish: SoakWish) {
    this.#arena = arena
    this.#wish = wish
    this.#random = seeded(wish.seed)
    this.#people = new People(arena, seeded(wish.seed + 1))
  }

  static async run(wish: SoakWish): Promise<SoakReport> {
    const arena = await Arena.start(wish.guests, wish.realGuests)
    try {
      const report = await new Soak(arena, wish).#run()
      await arena.stop()
      return report
    } catch (error) {
      await arena.stop().catch(() => undefined)
      throw new Error(`soak with seed ${wish.seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }

  async #run(): Promise<SoakReport> {
    await this.#untilRight('the start')
    // A guest has a channel for the events, and another one is kept for the next question once there was one.
    const start = { ...this.#arena.counts(), channels: 2 * this.#arena.guests.length }
    const end = performance.now() + this.#wish.seconds * 1000
    const watching = this.#watch()
    do await this.#round()
    while (performance.now() < end)
    // Whom -9 or a lost answer took the chance to log out has left a session; XAPI's restart forgets them.
    await this.#arena.world.pool.restart()
    await this.#untilRight('the last restart of the toolstack')
    await this.#untilNothingLeaks(start)
    this.#watching = false
    await watching
    await this.#end()
    return this.#report()
  }

  async #round(): Promise<void> {
    const { roundSeconds, longestMs, everyMs } = this.#wish
    const faults = this.#arena.real.length > 0 ? [...FAULT_NAMES, ...REAL_FAULT_NAMES] : FAULT_NAMES
    const steps = planRound(this.#random, { seconds: roundSeconds, faults, longestMs, everyMs })
    this.#people.begin()
    const began = performance.now()
    const running = steps.map(async (step) => {
      await sleep(step.atMs - (performance.now() - began))
      const counts = (await inject(this.#arena, step)) ? this.#injected : this.#leftOut
      counts[step.fault] = (counts[step.fault] ?? 0) + 1
    })
    await Promise.all(running)
    await this.#people.end()
    for (const { engine } of this.#arena.guests) engine.run({ name: `after-${this.#recoveries.length}` })
    const took = await this.#untilRight(`round ${this.#recoveries.length + 1}`)
    this.#recoveries.push(took)
    this.#demand(this.#people.lost())
    this.#demand(this.#arena.wrongs)
    this.#wish.say?.(
      `round ${this.#recoveries.length}: ${steps.length} faults, all right ${(took / 1000).toFixed(1)} s later`,
    )
    for (const { engine } of this.#arena.guests) engine.remove(`after-${this.#recoveries.length - 1}`)
  }

  /** Waits until nothing is wrong, and still is not a second later; milliseconds until it was so. */
  async #untilRight(after: string): Promise<number> {
    const began = performance.now()
    for (;;) {
      const wrong = await this.#problems()
      const at = performance.now() - began
      if (wrong.length === 0) {
        await sleep(1000)
        if ((await this.#problems()).length === 0) return at
      } else if (at > this.#wish.boundS * 1000) {
        throw new Error(
          `not right ${this.#wish.boundS} s after ${after}:\n${wrong.join('\n')}\n${this.#arena.world.describe()}`,
        )
      }
      await sleep(250)
    }
  }

  async #problems(): Promise<string[]> {
    const real = await Promise.all(this.#arena.real.map((guest) => guest.problems()))
    return [...problems(this.#arena), ...real.flat()]
  }

  /** Calls that are under way just now have a channel or a connection too: it must be quiet once. */
  async #untilNothingLeaks(start: Counts): Promise<void> {
    for (let tries = 0; leaks(this.#arena.counts(), start).length > 0; tries++) {
      if (tries > 60) this.#demand(leaks(this.#arena.counts(), start))
      await sleep(250)
    }
  }

  /** What may not be at any moment. */
  async #watch(): Promise<void> {
    const { world, wrongs, hosts } = this.#arena
    for (let doubled: string[] = []; this.#watching; await sleep(1000)) {
      const now = world.guests.filter((guest) => world.messages(guest).length > 1).map(({ name }) => name)
      for (const name of now) if (doubled.includes(name)) wrongs.push(`${name}: the administrator is told twice`)
      doubled = now
      for (const host of hosts) this.#mostRss = Math.max(this.#mostRss, rssOf(this.#arena.daemon(host).child.pid))
    }
  }

  /** The daemons stop: nothing of what says that a VM is monitored is left, and nobody is connected. */
  async #end(): Promise<void> {
    const { world } = this.#arena
    this.#demand(await this.#arena.endDaemons())
    const left = world.guests.flatMap((guest) => {
      const keys = world.published(guest).filter((key) => key.startsWith('docker_'))
      return [...keys, ...(guest.sim.counters.open > 0 ? ['a connection'] : [])].map(
        (what) => `${guest.name}: ${what} is left`,
      )
    })
    const sessions = world.pool.openSessions()['xscontainer'] ?? 0
    const realLeft = this.#arena.real.flatMap((guest) => guest.left())
    this.#demand([
      ...left,
      ...realLeft,
      ...(sessions > 0 ? [`${sessions} sessions are left`] : []),
      ...this.#arena.wrongs,
    ])
  }

  #demand(wrong: readonly string[]): void {
    if (wrong.length > 0) throw new Error(wrong.join('\n'))
  }

  #report(): SoakReport {
    return {
      seed: this.#wish.seed,
      injected: this.#injected,
      leftOut: this.#leftOut,
      recoveriesMs: this.#recoveries.map(Math.round),
      containerChanges: this.#people.changes,
      foreignWrites: this.#people.foreignWrites,
      daemonStarts: this.#arena.restarts + 2,
      mostRssMb: Math.round(this.#mostRss),
    }
  }
}

/** 0 for a process that is gone, or has ended and was not yet taken note of. */
function rssOf(pid: number | undefined): number {
  try {
    return rssMb(pid ?? 0) || 0
  } catch {
    return 0
  }
}

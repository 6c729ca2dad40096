import { setTimeout as sleep } from 'node:timers/promises'
import type { WorldGuest } from '../scenarios/world.ts'
import { callOnce } from '../scenarios/call-once.ts'
import type { Arena } from './arena.ts'
import type { RealVictim } from './real-victim.ts'

const KEY = 'XenCenter.CustomFields.soak'
const MOST_CONTAINERS = 5

/** What goes on all the time: containers come and go, and other clients write keys of their own. */
export class People {
  changes = 0
  foreignWrites = 0
  readonly #arena: Arena
  readonly #random: () => number
  /** What must be there; undefined: a write failed, so nobody can know. */
  readonly #written = new Map<WorldGuest, string | undefined>()
  #running: Promise<unknown> | undefined
  #stop = false

  constructor(arena: Arena, random: () => number) {
    this.#arena = arena
    this.#random = random
  }

  begin(): void {
    this.#stop = false
    const real = this.#arena.real.map((guest) => this.#realWorkload(guest))
    this.#running = Promise.all([this.#workloads(), ...real, this.#writer(0), this.#writer(1)])
  }

  /** Ends it, with a last write that must succeed to every VM. */
  async end(): Promise<void> {
    this.#stop = true
    await this.#running
    for (const guest of this.#arena.world.guests) while (!(await this.#write(guest, 0))) await sleep(200)
  }

  /** What others wrote and is not there any more. */
  lost(): string[] {
    const { world } = this.#arena
    return world.guests.flatMap((guest, i) => {
      const config = world.config(guest)
      const expected = {
        folder: `/folder-${i}`,
        'XenCenter.CustomFields.owner': `owner-${i} <&>`,
        [KEY]: this.#written.get(guest),
      }
      return Object.entries(expected).flatMap(([key, value]) =>
        value === undefined || config[key] === value ? [] : [`${guest.name}: ${key} is ${config[key]}, not ${value}`],
      )
    })
  }

  async #workloads(): Promise<void> {
    while (!this.#stop) {
      const guest = this.#pick(this.#arena.guests)
      this.#change(guest)
      this.changes++
      await sleep(20 + this.#random() * 200)
    }
  }

  async #realWorkload(guest: RealVictim): Promise<void> {
    while (!this.#stop) {
      await guest.change(this.#random)
      this.changes++
      await sleep(500 + this.#random() * 1500)
    }
  }

  #change({ engine }: WorldGuest): void {
    const all = engine.store.all()
    const { id, live } = this.#pick(all) ?? {}
    if (id === undefined || live === undefined) return void engine.run({ name: 'web' })
    const what = this.#random()
    if (what < 0.3 && all.length < MOST_CONTAINERS) engine.run({ name: `job-${this.changes}` })
    else if (what < 0.5 && all.length > 1) engine.remove(id)
    else if (live.state === 'running' && what < 0.7) engine.pause(id)
    else if (live.state === 'running') engine.end(id, Math.floor(this.#random() * 3))
    else if (live.state === 'paused') engine.unpause(id)
    else engine.start(id)
  }

  async #writer(hostIndex: number): Promise<void> {
    while (!this.#stop) {
      // Each VM has one writer: it knows what must be there.
      const guest = this.#pick(this.#arena.world.guests.filter((_, i) => i % 2 === hostIndex))
      const expected = this.#written.get(guest)
      const found = this.#arena.world.config(guest)[KEY]
      if (expected !== undefined && found !== expected)
        this.#arena.wrongs.push(`${guest.name}: a foreign key was lost: ${found} instead of ${expected}`)
      await this.#write(guest, hostIndex)
      await sleep(50 + this.#random() * 300)
    }
  }

  async #write(guest: WorldGuest, hostIndex: number): Promise<boolean> {
    const value = `value-${this.foreignWrites}`
    const { socketPath } = this.#arena.hosts[hostIndex]!
    this.#written.set(guest, undefined)
    try {
      await callOnce(socketPath, 'VM.remove_from_other_config', [guest.ref, KEY])
      await callOnce(socketPath, 'VM.add_to_other_config', [guest.ref, KEY, value])
    } catch {
      return false
    }
    this.#written.set(guest, value)
    this.foreignWrites++
    return true
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)]!
  }
}

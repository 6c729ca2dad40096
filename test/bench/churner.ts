import { setTimeout as sleep } from 'node:timers/promises'
import type { Containers, ContainerSpec } from '../real/containers.ts'

/** What a container was last made to be; some end by themselves, so the engine may know better. */
type State = 'created' | 'running' | 'paused' | 'ended'

type Act = 'create' | 'start' | 'pause' | 'unpause' | 'kill' | 'stop' | 'rename' | 'rm'

const POSSIBLE: Readonly<Record<State, readonly Act[]>> = {
  created: ['start', 'start', 'start', 'rename', 'rm'],
  running: ['pause', 'pause', 'kill', 'stop', 'rename', 'rm'],
  paused: ['unpause', 'unpause', 'unpause', 'rename', 'rm'],
  ended: ['start', 'rename', 'rm'],
}

export interface ChurnLimits {
  readonly most: number
  /** The longest pause between two changes, milliseconds; they come in bursts, too. */
  readonly paceMs: number
}

/** Changes the containers of one engine at random; the same seed gives the same plan. */
export class Churner {
  readonly #containers: Containers
  readonly #random: () => number
  readonly #limits: ChurnLimits
  readonly #states = new Map<string, State>()
  #made = 0
  /** Changes that the engine made, by kind. */
  readonly done: Partial<Record<Act, number>> = {}
  /** Changes that it refused: the container had ended meanwhile, for example. */
  refused = 0

  constructor(containers: Containers, seed: number, limits: ChurnLimits) {
    this.#containers = containers
    this.#random = seeded(seed)
    this.#limits = limits
  }

  get changes(): number {
    return Object.values(this.done).reduce((sum, count) => sum + count, 0)
  }

  /** Goes on for so long, milliseconds. */
  async run(ms: number): Promise<void> {
    const end = performance.now() + ms
    while (performance.now() < end) {
      const burst = this.#random() < 0.1 ? 6 : 1
      for (let i = 0; i < burst; i++) await this.#change()
      await sleep(this.#random() * this.#limits.paceMs)
    }
  }

  async #change(): Promise<void> {
    const [name, act] = this.#choose()
    try {
      await this.#perform(name, act)
      this.done[act] = (this.done[act] ?? 0) + 1
    } catch (error) {
      if (!/: (?:304|404|409|500) /.test(String(error))) throw error
      this.refused++
      if (this.#states.has(name)) this.#states.set(name, 'ended')
    }
  }

  #choose(): [string, Act] {
    const names = [...this.#states.keys()]
    const few = names.length < this.#limits.most
    if (names.length === 0 || (few && this.#random() < 0.25)) return [`job-${++this.#made}`, 'create']
    const name = this.#pick(names)
    return [name, this.#pick(POSSIBLE[this.#states.get(name)!])]
  }

  async #perform(name: string, act: Act): Promise<void> {
    const containers = this.#containers
    if (act === 'create') {
      await containers.create(this.#spec(name))
      this.#states.set(name, 'created')
    } else if (act === 'rename') {
      const renamed = `job-${++this.#made}`
      await containers.rename(name, renamed)
      this.#states.set(renamed, this.#states.get(name)!)
      this.#states.delete(name)
    } else if (act === 'rm') {
      this.#states.delete(name)
      await containers.rm(name)
    } else {
      await containers[act](name)
      this.#states.set(name, AFTER[act])
    }
  }

  /** Some live on, some end by themselves within seconds, some publish a port. */
  #spec(name: string): ContainerSpec {
    const ends = this.#random() < 0.3
    const script = `sleep ${Math.ceil(this.#random() * 3)}; exit ${Math.floor(this.#random() * 5)}`
    const port = 20_000 + (this.#made % 5000) * 2
    return {
      name,
      ...(ends && { cmd: ['sh', '-c', script] }),
      ...(this.#random() < 0.25 ? { ports: [`${port}:80`, `127.0.0.1:${port}:53/udp`] } : { network: 'none' }),
      labels: { 'com.docker.compose.project': 'churn', 'com.docker.compose.service': name },
    }
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)]!
  }
}

const AFTER = { start: 'running', pause: 'paused', unpause: 'running', kill: 'ended', stop: 'ended' } as const

/** Numbers in [0, 1) by the linear congruential generator of Numerical Recipes. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

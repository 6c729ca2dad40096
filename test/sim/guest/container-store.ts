import type { Clock } from '../../../src/base/clock.ts'
import type { EventHub } from './engine-events.ts'
import type { Flavour } from './engine-flavour.ts'
import {
  countCpu,
  freshProcesses,
  makeContainer,
  type ContainerSpec,
  type Health,
  type Phase,
  type SimContainer,
} from './sim-container.ts'

/** What an engine answers when it will not do something. */
export class EngineRefusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Nothing to do: the container is already so. Engines answer 304. */
export class AlreadySo extends Error {}

export interface StoreDeps {
  readonly name: string
  readonly flavour: Flavour
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly events: EventHub
  /** How long after the event of this name the list still shows the state before, milliseconds. */
  readonly listLagMs: Readonly<Record<string, number>>
}

const SIGNALS: Readonly<Record<string, number>> = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, USR1: 10, USR2: 12, TERM: 15 }
const DEADLY = new Set([2, 3, 9, 15])

/** The containers of one engine: who they are, what may be done to them, and the events that this causes. */
export class ContainerStore {
  readonly #deps: StoreDeps
  readonly #byId = new Map<string, SimContainer>()
  #serial = 0

  constructor(deps: StoreDeps) {
    this.#deps = deps
  }

  /** Newest first, as engines list them. */
  all(): SimContainer[] {
    return [...this.#byId.values()].reverse()
  }

  /** By full id, name with or without slash, or an id prefix that fits one container only; 404 or 400 otherwise. */
  find(key: string): SimContainer {
    const exact = this.#byId.get(key) ?? this.all().find((c) => c.names.some((n) => n === key || n === `/${key}`))
    if (exact) return exact
    const [first, second] = key === '' ? [] : this.all().filter((container) => container.id.startsWith(key))
    if (second) throw new EngineRefusal(400, `Multiple IDs found with provided prefix: ${key}`)
    if (first) return first
    throw new EngineRefusal(
      404,
      this.#podman ? `no container with name or ID "${key}" found: no such container` : `No such container: ${key}`,
    )
  }

  /** Adds a container as it is, with no events: what was there before anybody looked. */
  add(spec: ContainerSpec): SimContainer {
    const container = makeContainer(spec, this.#deps.name, ++this.#serial, this.#deps.clock.now())
    this.#byId.set(container.id, container)
    return container
  }

  /** Takes a container away as if it had never been; no events. */
  forget(container: SimContainer): void {
    this.#byId.delete(container.id)
  }

  run(spec: ContainerSpec): SimContainer {
    const container = this.add({ ...spec, state: 'created' })
    this.#emit(container, 'create')
    const { state } = spec
    if (state !== 'created') this.#begin(container, 'start')
    if (state === 'exited') this.end(container, spec.exitCode ?? 0)
    if (state === 'paused') this.pause(container)
    if (state === 'dead' || state === 'restarting') this.#settle(container, { state, exitCode: spec.exitCode ?? 1 })
    return container
  }

  start(container: SimContainer): void {
    if (container.live.state === 'running') throw new AlreadySo()
    if (container.live.state === 'paused' && !this.#podman) {
      throw new EngineRefusal(this.#conflict, 'cannot start a paused container, try unpause instead')
    }
    this.#begin(container, 'start')
  }

  stop(container: SimContainer, exitCode = container.spec.stopExitCode ?? 137): void {
    if (!isUp(container)) throw new AlreadySo()
    this.#emit(container, 'kill', { signal: '15' })
    this.end(container, exitCode)
    this.#emit(container, 'stop')
  }

  restart(container: SimContainer): void {
    if (isUp(container)) this.stop(container)
    this.#begin(container, 'start')
    this.#emit(container, 'restart')
  }

  pause(container: SimContainer): void {
    if (container.live.state === 'paused') {
      throw new EngineRefusal(this.#conflict, `Container ${container.id} is already paused`)
    }
    this.#demandUp(container, `"${container.live.state}" is not running, can't pause: container state improper`)
    this.#change(container, 'pause', { state: 'paused' })
  }

  unpause(container: SimContainer): void {
    if (container.live.state !== 'paused') {
      const id = this.#podman ? `"${container.id}"` : `Container ${container.id}`
      throw new EngineRefusal(500, `${id} is not paused${this.#podman ? ", can't unpause" : ''}`)
    }
    this.#change(container, 'unpause', { state: 'running' })
  }

  kill(container: SimContainer, signal = 'KILL'): void {
    const number = Number(signal) || SIGNALS[signal.replace(/^SIG/, '').toUpperCase()]
    if (number === undefined) throw new EngineRefusal(400, `Invalid signal: ${signal}`)
    const state = `can only kill running containers. ${container.id} is in state ${container.live.state}`
    this.#demandUp(container, state, `Cannot kill container: ${bare(container)}: `)
    this.#emit(container, 'kill', { signal: String(number) })
    if (DEADLY.has(number)) this.end(container, 128 + number)
  }

  /** Its main process ends by itself. */
  end(container: SimContainer, exitCode: number): void {
    container.log.end()
    const exited = { state: 'exited', exitCode, finishedMs: this.#deps.clock.now() } as const
    this.#change(container, 'die', exited, { exitCode: String(exitCode) })
  }

  remove(container: SimContainer, force: boolean): void {
    if (isUp(container)) {
      if (!force) {
        const how = 'Stop the container before attempting removal or force remove'
        throw new EngineRefusal(409, `You cannot remove a running container ${container.id}. ${how}`)
      }
      this.kill(container)
    }
    this.#byId.delete(container.id)
    this.#emit(container, 'destroy')
  }

  rename(container: SimContainer, name: string): void {
    const holder = this.all().find((other) => other.names.includes(`/${name}`))
    if (holder) {
      const text = `Conflict. The container name "/${name}" is already in use by container "${holder.id}".`
      throw new EngineRefusal(409, text)
    }
    const oldName = container.names[0] ?? ''
    container.names = [`/${name}`, ...container.names.slice(1)]
    this.#emit(container, 'rename', { oldName })
  }

  setHealth(container: SimContainer, health: Health): void {
    this.#settle(container, { health })
    this.#emit(container, `health_status: ${health}`)
  }

  /** Changes how fast the processes (all, or the one with this pid) use CPU from now on. */
  setCpuRate(container: SimContainer, rate: number, pid?: number): void {
    countCpu(container, this.#deps.clock.now())
    for (const process of container.processes) if (pid === undefined || process.pid === pid) process.cpuRate = rate
  }

  /** Its processes with the CPU seconds used until now. */
  counted(container: SimContainer): SimContainer {
    countCpu(container, this.#deps.clock.now())
    return container
  }

  #begin(container: SimContainer, action: string): void {
    const now = this.#deps.clock.now()
    countCpu(container, now)
    if (container.live.startedMs > 0) container.restarts++
    container.processes = freshProcesses(container)
    const health = container.spec.health
    this.#change(container, action, { state: 'running', exitCode: 0, startedMs: now, health })
  }

  /** Real engines tell of some changes before their own list shows them: see listLagMs. */
  #change(container: SimContainer, action: string, to: Partial<Phase>, attributes: Record<string, string> = {}): void {
    const lag = this.#deps.listLagMs[action] ?? 0
    if (lag === 0) this.#settle(container, to)
    else this.#become(container, to)
    this.#emit(container, action, attributes)
    if (lag > 0) this.#deps.clock.after(lag, () => this.#settle(container, {}))
  }

  #become(container: SimContainer, to: Partial<Phase>): void {
    countCpu(container, this.#deps.clock.now())
    container.live = { ...container.live, ...to }
  }

  #settle(container: SimContainer, to: Partial<Phase>): void {
    this.#become(container, to)
    container.listed = container.live
  }

  #emit(container: SimContainer, action: string, more: Record<string, string> = {}): void {
    const attributes = { ...container.spec.labels, ...more, image: container.image, name: bare(container) }
    const timeMs = this.#deps.clock.now()
    this.#deps.events.publish({ type: 'container', action, id: container.id, attributes, timeMs })
  }

  #demandUp(container: SimContainer, podman: string, docker = ''): void {
    if (isUp(container)) return
    throw new EngineRefusal(this.#conflict, this.#podman ? podman : `${docker}Container ${container.id} is not running`)
  }

  get #podman(): boolean {
    return this.#deps.flavour.product === 'podman'
  }

  get #conflict(): number {
    return this.#deps.flavour.conflict
  }
}

/** Running in the sense that it can be stopped. */
export function isUp(container: SimContainer): boolean {
  return ['running', 'paused', 'restarting'].includes(container.live.state)
}

function bare(container: SimContainer): string {
  return (container.names[0] ?? '').replace(/^\//, '')
}

import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { systemClock, type Clock } from '../../../src/base/clock.ts'
import { ContainerStore } from './container-store.ts'
import { EventHub } from './engine-events.ts'
import { ExecStore } from './engine-exec.ts'
import { FLAVOURS, type Flavour, type FlavourName } from './engine-flavour.ts'
import { answer, type Upgrade } from './engine-routes.ts'
import type { EngineFaults } from './faults.ts'
import type { ContainerSpec, Health, SimContainer } from './sim-container.ts'

export interface EngineOptions {
  readonly flavour?: FlavourName
  /** Changes to the flavour, e.g. `{ dieAction: 'die' }`. */
  readonly change?: Partial<Flavour>
  /** Host name in /info; also the seed of the container ids. */
  readonly name?: string
  readonly clock?: Pick<Clock, 'now' | 'after'>
  /** `false`: the list shows every change at once. Default: what was measured on the real engine. */
  readonly listLagMs?: Readonly<Record<string, number>> | false
  /** Containers that are there already; no events tell of them. */
  readonly containers?: readonly ContainerSpec[]
}

/** A simulated container engine: Docker's HTTP API over any byte stream given to `accept`. It never listens itself. */
export class EngineSim {
  readonly name: string
  readonly flavour: Flavour
  readonly store: ContainerStore
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly execs: ExecStore
  /** Requests so far by `METHOD /path`, without version prefix and query, ids as they were sent. */
  readonly requests = new Map<string, number>()
  readonly #events: EventHub
  readonly #server: Server
  readonly #streams = new Set<Duplex>()
  readonly #faults = new Set<EngineFaults>()
  #up = true

  constructor(options: EngineOptions = {}) {
    this.name = options.name ?? 'guest'
    this.flavour = { ...FLAVOURS[options.flavour ?? 'docker-20.10'], ...options.change }
    this.clock = options.clock ?? systemClock
    this.execs = new ExecStore(this.clock)
    this.#events = new EventHub(this.flavour, this.clock)
    const listLagMs = options.listLagMs === false ? {} : (options.listLagMs ?? this.flavour.listLagMs)
    const { name, flavour, clock } = this
    this.store = new ContainerStore({ name, flavour, clock, events: this.#events, listLagMs })
    this.#server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (req, res) => this.#serve(req, res))
    this.#server.on('upgrade', (req, stream, head) => this.#upgrade(req, stream, head))
    for (const spec of options.containers ?? []) this.store.add(spec)
  }

  /** Whether connections are taken. */
  get up(): boolean {
    return this.#up
  }

  get openConnections(): number {
    return this.#streams.size
  }

  get eventStreams(): number {
    return this.#events.open
  }

  /** Requests to paths that match, with any method. */
  requestCount(path: RegExp): number {
    return [...this.requests].filter(([key]) => path.test(key)).reduce((sum, [, count]) => sum + count, 0)
  }

  /** Serves HTTP on the stream until either side ends it. */
  accept(stream: Duplex): void {
    if (!this.#up) return void stream.destroy()
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    stream.on('error', () => stream.destroy())
    for (const fault of this.#faults) if (fault.connection?.(stream, this)) return
    this.#server.emit('connection', stream)
  }

  /** Puts a fault in front of the engine; the returned function takes it away. The latest is asked first. */
  addFaults(faults: EngineFaults): () => void {
    const before = [...this.#faults]
    this.#faults.clear()
    for (const each of [faults, ...before]) this.#faults.add(each)
    return () => void this.#faults.delete(faults)
  }

  /** Creates and starts a container (or leaves it in `spec.state`) with the events of a real run. */
  run(spec: ContainerSpec): SimContainer {
    return this.store.run(spec)
  }

  start(key: string): void {
    this.store.start(this.store.find(key))
  }

  stop(key: string, exitCode?: number): void {
    this.store.stop(this.store.find(key), exitCode)
  }

  /** The main process ends by itself: only `die` tells of it. */
  end(key: string, exitCode: number): void {
    this.store.end(this.store.find(key), exitCode)
  }

  kill(key: string, signal?: string): void {
    this.store.kill(this.store.find(key), signal)
  }

  restart(key: string): void {
    this.store.restart(this.store.find(key))
  }

  pause(key: string): void {
    this.store.pause(this.store.find(key))
  }

  unpause(key: string): void {
    this.store.unpause(this.store.find(key))
  }

  remove(key: string): void {
    this.store.remove(this.store.find(key), true)
  }

  rename(key: string, name: string): void {
    this.store.rename(this.store.find(key), name)
  }

  setHealth(key: string, health: Health): void {
    this.store.setHealth(this.store.find(key), health)
  }

  /** Something that the container prints. */
  print(key: string, text: string | Buffer, from: 'out' | 'err' = 'out'): void {
    this.store.find(key).log.print(text, from, this.clock.now())
  }

  /** CPU seconds per second of its processes, or of the one with this pid, from now on. */
  setCpuRate(key: string, rate: number, pid?: number): void {
    this.store.setCpuRate(this.store.find(key), rate, pid)
  }

  /** Sends these bytes, or this value as one JSON line, on every open event stream. */
  emitEvent(raw: string | Buffer | Readonly<Record<string, unknown>>): void {
    this.#events.raw(typeof raw === 'string' || Buffer.isBuffer(raw) ? raw : `${JSON.stringify(raw)}\n`)
  }

  /** The engine goes: every connection breaks, new ones are refused, its containers stay as they are. */
  stopEngine(): void {
    this.#up = false
    for (const stream of this.#streams) stream.destroy()
  }

  startEngine(): void {
    this.#up = true
  }

  /** Breaks every connection. Containers go on unless told otherwise (Docker without live-restore ends them). */
  restartEngine(options: { readonly liveRestore?: boolean } = {}): void {
    this.stopEngine()
    if (options.liveRestore === false) {
      for (const container of this.store.all()) {
        if (['running', 'paused'].includes(container.live.state)) this.store.end(container, 255)
      }
    }
    this.startEngine()
  }

  /** Node hands over such a request with its body still to come; what is refused is answered as any other. */
  #upgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void {
    const res = new ServerResponse(req)
    res.assignSocket(stream as never)
    res.shouldKeepAlive = false
    res.on('finish', () => stream.end())
    let rest = Number(req.headers['content-length'] ?? 0) - req.readableLength
    const take = (data: Buffer) => {
      const body = Math.min(rest, data.length)
      rest -= body
      if (rest > 0) return void stream.once('data', take)
      stream.pause()
      this.#serve(req, res, { stream, head: data.subarray(body) })
    }
    take(head)
  }

  #serve(req: IncomingMessage, res: ServerResponse, upgrade?: Upgrade): void {
    const key = `${req.method} ${(req.url ?? '').replace(/^\/v[\d.]+(?=\/)/, '').replace(/\?.*$/, '')}`
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1)
    res.on('error', () => res.destroy())
    for (const fault of this.#faults) if (fault.request?.(req, res, this)) return
    const { name, flavour, store, execs } = this
    const view = { name, flavour, store, execs, events: this.#events }
    answer({ ...view, now: () => this.clock.now(), connections: () => this.openConnections }, req, res, upgrade)
  }
}

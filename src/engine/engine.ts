import Docker from 'dockerode'
import type { Clock } from '../base/clock.ts'
import { linked, within } from '../base/deadline.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import { chooseApiVersion, productOf } from './api-version.ts'
import { EngineAgent, type OpenStream } from './engine-agent.ts'
import { eventsEnded, replyNotJson, replyWrongShape } from './errors.ts'
import { readEvents, TOLD_ACTIONS, type EngineEvent } from './event-stream.ts'
import { StreamModem } from './stream-modem.ts'

export interface EngineLimits {
  /** A call must be answered whole within this, milliseconds. */
  readonly callMs: number
  /** A longer reply is refused while it is being read, bytes of its body. */
  readonly replyBytes: number
  /** A longer line of the event stream ends the stream, bytes. */
  readonly eventLineBytes: number
}

export interface EngineDeps {
  readonly openStream: OpenStream
  readonly clock: Clock
}

export interface ProcessTable {
  readonly titles: readonly string[]
  readonly processes: readonly (readonly string[])[]
}

type Json = Readonly<Record<string, unknown>>

/** An event has about 300 bytes: an engine may send 700 in a second all day, and some thousands at once. */
const EVENT_BYTES_PER_S = 200_000
const EVENT_BYTES_BURST = 1_000_000

/** Without them Podman runs the container's own `ps`, which may not be there or may tell neither parent nor time. */
const PODMAN_COLUMNS = 'pid,ppid,user,time,args'

/**
 * A container engine that speaks Docker's HTTP API: Docker 1.12 to 29, Podman's compatible service.
 * Calls reject with a DiagnosedError, or with the signal's reason when it aborts.
 */
export class Engine {
  readonly #clock: Clock
  readonly #limits: EngineLimits
  readonly #keeping: EngineAgent
  readonly #closing: EngineAgent
  #apiVersion = ''
  #product: 'docker' | 'podman' = 'docker'
  #negotiated: Json | undefined

  private constructor({ clock, openStream }: EngineDeps, limits: EngineLimits) {
    this.#clock = clock
    this.#limits = limits
    this.#keeping = new EngineAgent(openStream, true)
    this.#closing = new EngineAgent(openStream, false)
  }

  get apiVersion(): string {
    return this.#apiVersion
  }

  get product(): 'docker' | 'podman' {
    return this.#product
  }

  /** Finds out the API version that both sides speak, with one request to `/version`. */
  static async open(deps: EngineDeps, limits: EngineLimits, signal: AbortSignal): Promise<Engine> {
    const engine = new Engine(deps, limits)
    const document = await engine.version(signal)
    engine.#apiVersion = chooseApiVersion(document)
    engine.#product = productOf(document)
    engine.#negotiated = document
    return engine
  }

  /** The `/version` document; at first the one that the API version was chosen from. */
  async version(signal: AbortSignal): Promise<Json> {
    const negotiated = this.#negotiated
    this.#negotiated = undefined
    if (negotiated !== undefined) return negotiated
    const reply = await this.#call('GET /version', signal, (docker) => docker.version())
    return anObject('GET /version', reply)
  }

  /** The `/info` document. */
  async info(signal: AbortSignal): Promise<Json> {
    const reply: unknown = await this.#call('GET /info', signal, (docker) => docker.info())
    return anObject('GET /info', reply)
  }

  /** All containers, running or not, as the engine lists them. */
  async list(signal: AbortSignal): Promise<readonly Json[]> {
    const name = 'GET /containers/json'
    const reply: unknown = await this.#call(name, signal, (docker) => docker.listContainers({ all: true }))
    if (!Array.isArray(reply)) throw wrongReply(name, reply, 'a list')
    return reply.filter(isRecord)
  }

  /** The processes of one running container; cells that are no text are empty. */
  async top(id: string, signal: AbortSignal): Promise<ProcessTable> {
    const path = encodeURIComponent(id)
    const name = `GET /containers/${path}/top`
    const options = this.product === 'podman' ? { ps_args: PODMAN_COLUMNS } : {}
    const table = await this.#call<unknown>(name, signal, (docker) => docker.getContainer(path).top(options))
    const reply = anObject(name, table)
    if (!Array.isArray(reply.Titles)) throw replyWrongShape(name, 'a table of processes')
    const rows: unknown[] = Array.isArray(reply.Processes) ? reply.Processes : []
    return { titles: texts(reply.Titles), processes: rows.filter((row) => Array.isArray(row)).map(texts) }
  }

  /** `/_ping`, to judge whether a silent engine is alive. */
  async ping(signal: AbortSignal): Promise<void> {
    await this.#call<unknown>('GET /_ping', signal, (docker) => docker.ping())
  }

  /**
   * Tells of events until `signal` aborts (rejects with its reason) or the stream ends or breaks (rejects, mostly
   * TransientError). `subscribed` is called as soon as the request was sent: Podman sends no headers before the
   * first event.
   */
  events(onEvent: (event: EngineEvent) => void, subscribed: () => void, signal: AbortSignal): Promise<never> {
    const pace = new TokenBucket(this.#clock, EVENT_BYTES_PER_S, EVENT_BYTES_BURST)
    return linked(signal, async (own): Promise<never> => {
      const stream = await this.#docker(own, subscribed).getEvents(
        this.product === 'docker' ? { filters: { event: [...TOLD_ACTIONS] } } : {},
      )
      await readEvents(bytes(stream), this.#limits.eventLineBytes, pace, onEvent, own)
      throw eventsEnded()
    })
  }

  #call<T>(name: string, signal: AbortSignal, ask: (docker: Docker) => Promise<T>): Promise<T> {
    const late = {
      kind: 'engine-timeout',
      cause: `The container engine did not answer ${name} within ${this.#limits.callMs / 1000} s`,
      cure: 'Look in the guest whether the engine hangs (docker ps) or the guest is overloaded',
    }
    return within(this.#clock, this.#limits.callMs, signal, late, (own) => ask(this.#docker(own)))
  }

  /** One modem per call: it carries the call's signal, which dockerode's own methods do not all take. */
  #docker(signal: AbortSignal, sent?: () => void): Docker {
    const version = this.#apiVersion === '' ? undefined : `v${this.#apiVersion}`
    const deps = { keeping: this.#keeping, closing: this.#closing, signal, sent }
    const modem = new StreamModem(deps, { replyBytes: this.#limits.replyBytes, version })
    return new Docker({ modem } as Docker.DockerOptions)
  }
}

function wrongReply(name: string, reply: unknown, expected: string): Error {
  return Buffer.isBuffer(reply) ? replyNotJson(name, reply) : replyWrongShape(name, expected)
}

function anObject(name: string, reply: unknown): Json {
  if (Buffer.isBuffer(reply) || !isRecord(reply)) throw wrongReply(name, reply, 'an object')
  return reply
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function texts(cells: readonly unknown[]): string[] {
  return cells.map((cell) => (typeof cell === 'string' ? cell : ''))
}

/** dockerode promises the older stream type; what it gives is Node's Readable. */
function bytes(stream: NodeJS.ReadableStream): AsyncIterable<Buffer> {
  return stream as AsyncIterable<Buffer>
}

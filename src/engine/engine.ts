import { linked } from '../base/deadline.ts'
import { DiagnosedError } from '../base/errors.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import { chooseApiVersion, productOf } from './api-version.ts'
import { actOn, inspectContainer, sampleStats, type Verb } from './container-calls.ts'
import { readContainers } from './container-list.ts'
import { containerRef } from './container-ref.ts'
import type { Conversation } from './conversation.ts'
import { EngineCalls, type EngineDeps, type EngineLimits } from './engine-calls.ts'
import { containerNotRunning, eventsEnded, replyWrongShape } from './errors.ts'
import { readEvents, TOLD_ACTIONS, type EngineEvent } from './event-stream.ts'
import { startExec, type ExecCommand } from './exec.ts'
import { followLogs, readLogs, type LastBytes, type LogsWanted } from './logs.ts'
import { anObject, isRecord, wrongReply, type Json } from './replies.ts'

export interface ProcessTable {
  readonly titles: readonly string[]
  readonly processes: readonly (readonly string[])[]
}

/** An event has about 300 bytes: an engine may send 700 in a second all day, and some thousands at once. */
const EVENT_BYTES_PER_S = 200_000
const EVENT_BYTES_BURST = 1_000_000

/** An engine that calls itself Docker and keeps its headers back is not waited for. */
const HEADERS_MS = 1000

/** HTTP 404, 401 and 403. */
const SIGNS_OF_LIFE: ReadonlySet<string> = new Set(['engine-not-found', 'engine-denied'])

/** Without them Podman runs the container's own `ps`, which may not be there or may tell neither parent nor time. */
const PODMAN_COLUMNS = 'pid,ppid,user,time,args'

/**
 * A container engine that speaks Docker's HTTP API: Docker 1.12 to 29, Podman's compatible service.
 * Calls reject with a DiagnosedError, or with the signal's reason when it aborts.
 */
export class Engine {
  readonly #calls: EngineCalls
  readonly #eventLineBytes: number
  #negotiated: Json | undefined

  private constructor(deps: EngineDeps, limits: EngineLimits) {
    this.#calls = new EngineCalls(deps, limits)
    this.#eventLineBytes = limits.eventLineBytes
  }

  get apiVersion(): string {
    return this.#calls.apiVersion
  }

  get product(): 'docker' | 'podman' {
    return this.#calls.product
  }

  /** Finds out the API version that both sides speak, with one request to `/version`. */
  static async open(deps: EngineDeps, limits: EngineLimits, signal: AbortSignal): Promise<Engine> {
    const engine = new Engine(deps, limits)
    const document = await engine.version(signal)
    engine.#calls.apiVersion = chooseApiVersion(document)
    engine.#calls.product = productOf(document)
    engine.#calls.isWindows = document.Os === 'windows'
    engine.#negotiated = document
    return engine
  }

  /** The `/version` document; at first the one that the API version was chosen from. */
  async version(signal: AbortSignal): Promise<Json> {
    const negotiated = this.#negotiated
    this.#negotiated = undefined
    if (negotiated !== undefined) return negotiated
    const reply = await this.#calls.call('GET /version', signal, (docker) => docker.version())
    return anObject('GET /version', reply)
  }

  /** The `/info` document. */
  async info(signal: AbortSignal): Promise<Json> {
    const reply: unknown = await this.#calls.call('GET /info', signal, (docker) => docker.info())
    return anObject('GET /info', reply)
  }

  /**
   * All containers, running or not, as the engine lists them, of long lists with what is read here; of these ids only,
   * where some are given. Docker needs 3.4 ms for a list of 20 and 0.6 ms for one of them (20.10, measured).
   */
  async list(signal: AbortSignal, ids?: readonly string[]): Promise<readonly Json[]> {
    const name = 'GET /containers/json'
    const wanted = { all: true, ...(ids !== undefined && { filters: { id: [...ids] } }) }
    const ask = (own: AbortSignal) => this.#calls.docker(own, { read: readContainers }).listContainers(wanted)
    const reply: unknown = await this.#calls.call(name, signal, (_, own) => ask(own))
    if (!Array.isArray(reply)) throw wrongReply(name, reply, 'a list')
    return reply.filter(isRecord)
  }

  /** The processes of one running container; cells that are no text are empty. */
  async top(id: string, signal: AbortSignal): Promise<ProcessTable> {
    const path = containerRef(id)
    const name = `GET /containers/${path}/top`
    const options = this.product === 'podman' ? { ps_args: PODMAN_COLUMNS } : {}
    const table = await this.#calls.call<unknown>(name, signal, (docker) => docker.getContainer(path).top(options))
    if (Buffer.isBuffer(table) && table.length === 0) throw containerNotRunning(path) // Podman
    const reply = anObject(name, table)
    if (!Array.isArray(reply.Titles)) throw replyWrongShape(name, 'a table of processes')
    const rows: unknown[] = Array.isArray(reply.Processes) ? reply.Processes : []
    return { titles: texts(reply.Titles), processes: rows.filter((row) => Array.isArray(row)).map(texts) }
  }

  /** Starts, stops, .. a container, and waits until that is done; one that is so already is fine. Never asked twice. */
  act(ref: string, verb: Verb, signal: AbortSignal): Promise<void> {
    return actOn(this.#calls, ref, verb, signal)
  }

  /** The `/containers/{ref}/json` document. */
  inspect(ref: string, signal: AbortSignal): Promise<Json> {
    return inspectContainer(this.#calls, ref, signal)
  }

  /** The end of what a container has printed: of so many lines, and of these no more than so many bytes. */
  logs(ref: string, wanted: LogsWanted, maxBytes: number, signal: AbortSignal): Promise<LastBytes> {
    return readLogs(this.#calls, ref, wanted, maxBytes, signal)
  }

  /** The last lines that a container has printed and then what it prints, until it ends or `signal` aborts. */
  followLogs(ref: string, wanted: LogsWanted, signal: AbortSignal): Promise<Conversation> {
    return followLogs(this.#calls, ref, wanted, signal)
  }

  /** The `/containers/{ref}/stats` document of this moment; its `precpu_stats` may be all zeros. */
  stats(ref: string, signal: AbortSignal): Promise<Json> {
    return sampleStats(this.#calls, ref, signal)
  }

  /** Runs a command in a container; the conversation lasts until it ends, or is closed, or `signal` aborts. */
  exec(ref: string, command: ExecCommand, signal: AbortSignal): Promise<Conversation> {
    return startExec(this.#calls, ref, command, signal)
  }

  /** `/_ping`, to judge whether a silent engine is alive. One that a proxy keeps us from asking lives as well. */
  async ping(signal: AbortSignal): Promise<void> {
    try {
      await this.#calls.call<unknown>('GET /_ping', signal, (docker) => docker.ping())
    } catch (error) {
      if (!(error instanceof DiagnosedError) || !SIGNS_OF_LIFE.has(error.diagnosis.kind)) throw error
    }
  }

  /**
   * Tells of events until `signal` aborts (rejects with its reason) or the stream ends or breaks (rejects, mostly
   * TransientError). `subscribed` is called once when nothing that happens from now on is missed, as far as that can be
   * known: Docker sends headers when it begins to collect, Podman none before the first event.
   */
  events(onEvent: (event: EngineEvent) => void, subscribed: () => void, signal: AbortSignal): Promise<never> {
    const { clock, product } = this.#calls
    const pace = new TokenBucket(clock, EVENT_BYTES_PER_S, EVENT_BYTES_BURST)
    const filters = product === 'docker' ? { filters: { event: [...TOLD_ACTIONS] } } : {}
    return linked(signal, async (own): Promise<never> => {
      let told = false
      const tell = () => {
        if (!told) subscribed()
        told = true
      }
      let cancel = () => {}
      const sent = () => {
        if (product === 'docker') cancel = clock.after(HEADERS_MS, tell)
        else tell()
      }
      const stream = await this.#calls
        .docker(own, { sent })
        .getEvents(filters)
        .finally(() => cancel())
      tell()
      await readEvents(bytes(stream), this.#eventLineBytes, pace, onEvent, own)
      throw eventsEnded()
    })
  }
}

function texts(cells: readonly unknown[]): string[] {
  return cells.map((cell) => (typeof cell === 'string' ? cell : ''))
}

/** dockerode promises the older stream type; what it gives is Node's Readable. */
function bytes(stream: NodeJS.ReadableStream): AsyncIterable<Buffer> {
  return stream as AsyncIterable<Buffer>
}

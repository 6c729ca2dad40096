import type { ServerResponse } from 'node:http'
import type { Clock } from '../../../src/base/clock.ts'
import { compareApi, type Flavour } from './engine-flavour.ts'

/** An event before it is put into the shape of an engine. */
export interface SimEvent {
  readonly type: string
  readonly action: string
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  readonly timeMs: number
}

interface Stream {
  readonly res: ServerResponse
  readonly api: string
  readonly matches: (event: SimEvent) => boolean
}

const HISTORY = 256

/** The event streams of one engine, and the last 256 events for those who ask for the past. */
export class EventHub {
  readonly #flavour: Flavour
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #streams = new Set<Stream>()
  readonly #history: SimEvent[] = []

  constructor(flavour: Flavour, clock: Pick<Clock, 'now' | 'after'>) {
    this.#flavour = flavour
    this.#clock = clock
  }

  get open(): number {
    return this.#streams.size
  }

  publish(event: SimEvent): void {
    this.#history.push(event)
    if (this.#history.length > HISTORY) this.#history.shift()
    for (const stream of this.#streams) this.#tell(stream, event)
  }

  /** The same bytes on every stream: for what no real engine would say. */
  raw(text: string | Buffer): void {
    for (const stream of this.#streams) stream.res.write(text)
  }

  /** Serves GET /events until either side ends it. Throws SyntaxError on bad filters, as an engine does. */
  serve(res: ServerResponse, api: string, query: URLSearchParams): void {
    const matches = eventFilter(query.get('filters'))
    const stream: Stream = { res, api, matches }
    const modern = this.#flavour.product === 'docker' && compareApi(api, '1.52') >= 0
    res.writeHead(200, { 'Content-Type': modern ? 'application/x-ndjson' : 'application/json' })
    if (!this.#flavour.eventHeadersLate) res.flushHeaders()
    this.#streams.add(stream)
    res.on('close', () => this.#streams.delete(stream))
    const since = query.get('since')
    if (since) this.#history.filter((e) => e.timeMs >= Number(since) * 1000).forEach((e) => this.#tell(stream, e))
    const until = query.get('until')
    if (until) this.#endAt(res, Number(until) * 1000)
  }

  #endAt(res: ServerResponse, untilMs: number): void {
    const cancel = this.#clock.after(Math.max(0, untilMs - this.#clock.now()), () => res.end())
    res.on('close', cancel)
  }

  #tell(stream: Stream, event: SimEvent): void {
    if (stream.matches(event)) stream.res.write(`${JSON.stringify(shape(event, this.#flavour, stream.api))}\n`)
  }
}

/** One event as the engine puts it on the wire for a client that asked with API version `api`. */
export function shape(event: SimEvent, flavour: Flavour, api: string): Record<string, unknown> {
  const action = event.action === 'die' ? flavour.dieAction : event.action
  const isContainer = event.type === 'container'
  const old = isContainer && !(flavour.events === 'by-version' && compareApi(api, '1.52') >= 0)
  return {
    ...(old ? { status: action, id: event.id, from: event.attributes['image'] ?? '' } : {}),
    Type: event.type,
    Action: action,
    Actor: { ID: event.id, Attributes: attributesOf(event, flavour) },
    ...(compareApi(flavour.api, '1.25') < 0 ? {} : { scope: 'local' }),
    time: Math.floor(event.timeMs / 1000),
    timeNano: Math.floor(event.timeMs) * 1_000_000,
  }
}

function attributesOf(event: SimEvent, flavour: Flavour): Record<string, string> {
  if (flavour.product === 'docker') return { ...event.attributes }
  const { exitCode, ...rest } = event.attributes
  return { ...rest, containerExitCode: exitCode ?? '0', podId: '' }
}

function eventFilter(filters: string | null): (event: SimEvent) => boolean {
  if (!filters) return () => true
  const wanted = filterValues(JSON.parse(filters))
  const one = (name: string, matches: (value: string) => boolean) => {
    const values = wanted.get(name)
    return !values || values.length === 0 || values.some(matches)
  }
  return (event) =>
    one('type', (value) => value === event.type) &&
    one('event', (value) => event.action === value || event.action.startsWith(`${value}:`)) &&
    one('container', (value) => event.id.startsWith(value) || event.attributes['name'] === value)
}

/** Docker takes `{"type":["container"]}` and the older `{"type":{"container":true}}`. */
export function filterValues(raw: unknown): Map<string, string[]> {
  if (typeof raw !== 'object' || raw === null) throw new SyntaxError('invalid filter')
  const lists = Object.entries(raw).map(([key, value]): [string, string[]] => [
    key,
    Array.isArray(value) ? value.map(String) : Object.keys(value as object),
  ])
  return new Map(lists)
}

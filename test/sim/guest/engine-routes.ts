import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { json as readJson } from 'node:stream/consumers'
import { listEntry, inspectEntry } from './container-json.ts'
import { serveLog } from './container-log.ts'
import { statsDocument } from './container-stats.ts'
import { AlreadySo, EngineRefusal, isUp, type ContainerStore } from './container-store.ts'
import { infoDocument, versionDocument } from './engine-about.ts'
import { filterValues, type EventHub } from './engine-events.ts'
import type { ExecStore } from './engine-exec.ts'
import { compareApi, type Flavour } from './engine-flavour.ts'
import { topTable } from './engine-top.ts'
import type { SimContainer } from './sim-container.ts'

/** What the routes know of the engine they answer for. */
export interface EngineView {
  readonly name: string
  readonly flavour: Flavour
  readonly store: ContainerStore
  readonly events: EventHub
  readonly execs: ExecStore
  now(): number
  connections(): number
}

/** The stream under a request that asks for a switch of protocols, and what came after the request. */
export interface Upgrade {
  readonly stream: Duplex
  readonly head: Buffer
}

interface Call {
  readonly engine: EngineView
  readonly req: IncomingMessage
  readonly upgrade: Upgrade | undefined
  readonly res: ServerResponse
  readonly api: string
  readonly query: URLSearchParams
}

type Route = readonly [method: string, path: RegExp, run: (call: Call, key: string) => void]

const ROUTES: readonly Route[] = [
  ['HEAD', /^\/_ping$/, ({ res }) => void res.writeHead(200, { 'Content-Length': 0 }).end()],
  ['GET', /^\/_ping$/, ({ res }) => plain(res, 200, 'OK')],
  ['GET', /^\/version$/, ({ engine, res }) => json(res, 200, versionDocument(engine.flavour))],
  ['GET', /^\/info$/, (call) => json(call.res, 200, info(call))],
  ['GET', /^\/events$/, (call) => call.engine.events.serve(call.res, call.api, call.query)],
  ['GET', /^\/containers\/json$/, (call) => json(call.res, 200, list(call))],
  ['GET', /^\/containers\/(.+)\/json$/, (call, key) => json(call.res, 200, inspect(call, key))],
  ['GET', /^\/containers\/(.+)\/top$/, top],
  ['GET', /^\/containers\/(.+)\/logs$/, logs],
  ['GET', /^\/containers\/(.+)\/stats$/, stats],
  ['POST', /^\/containers\/(.+)\/exec$/, createExec],
  ['POST', /^\/exec\/(.+)\/start$/, startExec],
  ['POST', /^\/exec\/(.+)\/resize$/, resizeExec],
  ['GET', /^\/exec\/(.+)\/json$/, ({ engine, res }, id) => json(res, 200, engine.execs.inspect(id))],
  ['POST', /^\/containers\/(.+)\/start$/, act((store, container) => store.start(container))],
  ['POST', /^\/containers\/(.+)\/stop$/, act((store, container) => store.stop(container))],
  ['POST', /^\/containers\/(.+)\/restart$/, act((store, container) => store.restart(container))],
  ['POST', /^\/containers\/(.+)\/pause$/, act((store, container) => store.pause(container))],
  ['POST', /^\/containers\/(.+)\/unpause$/, act((store, container) => store.unpause(container))],
  ['POST', /^\/containers\/(.+)\/kill$/, act((store, c, query) => store.kill(c, query.get('signal') || undefined))],
  ['POST', /^\/containers\/(.+)\/rename$/, act((store, c, query) => store.rename(c, query.get('name') ?? ''))],
  ['DELETE', /^\/containers\/([^/]+)$/, act((store, c, query) => store.remove(c, isTrue(query.get('force'))))],
]

/** Answers one request as the engine would, refusals included. */
export function answer(engine: EngineView, req: IncomingMessage, res: ServerResponse, upgrade?: Upgrade): void {
  const url = new URL(req.url ?? '/', 'http://engine')
  const versioned = /^\/v(\d+(?:\.\d+)*)(\/.*)$/.exec(url.pathname)
  const api = versioned?.[1] ?? engine.flavour.api
  const path = versioned?.[2] ?? url.pathname
  try {
    const found = ROUTES.find(([method, pattern]) => method === req.method && pattern.test(path))
    if (!found) return notFound(engine, res)
    for (const [name, value] of Object.entries(engine.flavour.headers)) res.setHeader(name, value)
    checkVersion(engine.flavour, api)
    const call = { engine, req, upgrade, res, api, query: url.searchParams }
    found[2](call, decodeURIComponent(found[1].exec(path)?.[1] ?? ''))
  } catch (error) {
    refuse(engine, res, error, api)
  }
}

/** Podman serves any version; Docker tells the bounds. */
function checkVersion(flavour: Flavour, api: string): void {
  if (flavour.product === 'podman') return
  if (compareApi(api, flavour.api) > 0) throw new EngineRefusal(400, tooNew(flavour, api))
  if (compareApi(api, flavour.minApi) < 0) {
    const cure = 'please upgrade your client to a newer version'
    throw new EngineRefusal(
      400,
      `client version ${api} is too old. Minimum supported API version is ${flavour.minApi}, ${cure}`,
    )
  }
}

function tooNew(flavour: Flavour, api: string): string {
  return compareApi(flavour.api, '1.25') < 0
    ? `client is newer than server (client API version: ${api}, server API version: ${flavour.api})`
    : `client version ${api} is too new. Maximum supported API version is ${flavour.api}`
}

function list({ engine, api, query }: Call): unknown[] {
  const wanted = query.get('filters') ? filterValues(JSON.parse(query.get('filters')!)) : new Map<string, string[]>()
  const every = isTrue(query.get('all')) || wanted.has('status')
  const limit = Number(query.get('limit') ?? 0) > 0 ? Number(query.get('limit')) : Infinity
  return engine.store
    .all()
    .filter((c) => every || ['running', 'paused', 'restarting'].includes(c.listed.state))
    .filter((container) => matches(container, wanted))
    .slice(0, limit)
    .map((container) => listEntry(container, engine.flavour, api, engine.now()))
}

function matches(container: SimContainer, wanted: ReadonlyMap<string, string[]>): boolean {
  const one = (name: string, test: (value: string) => boolean) => wanted.get(name)?.some(test) ?? true
  const labels = container.spec.labels ?? {}
  return (
    one('status', (value) => container.listed.state === value) &&
    one('name', (value) => container.names.some((name) => name.includes(value))) &&
    one('id', (value) => container.id.startsWith(value)) &&
    one('label', (value) => Object.entries(labels).some(([key, text]) => value === key || value === `${key}=${text}`))
  )
}

function info({ engine }: Call): Record<string, unknown> {
  return infoDocument(engine.name, engine.flavour, engine.store.all(), {
    nowMs: engine.now(),
    connections: engine.connections(),
    eventStreams: engine.events.open,
  })
}

function inspect({ engine }: Call, key: string): Record<string, unknown> {
  return inspectEntry(engine.store.find(key), engine.flavour)
}

/** Podman answers 200 with an empty body for a container that does not run. */
function top({ engine, res, query }: Call, key: string): void {
  const container = engine.store.counted(engine.store.find(key))
  if (!isUp(container) && engine.flavour.product === 'podman') return void res.writeHead(200).end()
  if (!isUp(container)) throw new EngineRefusal(engine.flavour.conflict, `Container ${container.id} is not running`)
  const { flavour } = engine
  const found = topTable(container, query.get('ps_args') || '-ef', flavour.windows)
  if (!found) throw new EngineRefusal(500, "Couldn't find PID field in ps output")
  if (flavour.product === 'docker' && !flavour.windows) publishTop(engine, container)
  json(res, 200, found)
}

function logs({ engine, res, query }: Call, key: string): void {
  serveLog(engine.store.find(key), res, query, engine.flavour.product === 'podman')
}

function stats({ engine, res, query }: Call, key: string): void {
  const container = engine.store.counted(engine.store.find(key))
  json(res, 200, statsDocument(container, engine.flavour, engine.now(), isTrue(query.get('one-shot'))))
}

function createExec(call: Call, key: string): void {
  const { engine, req, res, api } = call
  const container = engine.store.find(key)
  readJson(req)
    .then((body) => json(res, 201, { Id: engine.execs.create(container, body as Record<string, unknown>) }))
    .catch((error: unknown) => refuse(engine, res, error, api))
}

function startExec({ engine, res, upgrade }: Call, id: string): void {
  if (upgrade === undefined) throw new EngineRefusal(400, 'this engine starts commands on upgraded streams only')
  res.detachSocket(upgrade.stream as never)
  engine.execs.start(id, upgrade.stream, upgrade.head)
}

function resizeExec({ engine, res, query }: Call, id: string): void {
  engine.execs.resize(id, Number(query.get('h')), Number(query.get('w')))
  res.writeHead(engine.flavour.product === 'podman' ? 201 : 200, { 'Content-Length': 0 }).end()
}

/** Docker tells of every look at a container's processes: a client that lists on every event would loop. */
function publishTop(engine: EngineView, container: SimContainer): void {
  const attributes = { image: container.image, name: (container.names[0] ?? '').slice(1) }
  engine.events.publish({ type: 'container', action: 'top', id: container.id, attributes, timeMs: engine.now() })
}

function act(change: (store: ContainerStore, container: SimContainer, query: URLSearchParams) => void) {
  return ({ engine, res, query, req }: Call, key: string): void => {
    const container = engine.store.find(key)
    const pauses = /\/(?:un)?pause$/.test(new URL(req.url ?? '', 'http://engine').pathname)
    if (pauses && engine.flavour.windows) throw new EngineRefusal(500, 'cannot pause Windows Server Containers')
    change(engine.store, container, query)
    res.writeHead(204).end()
  }
}

function refuse({ flavour }: EngineView, res: ServerResponse, error: unknown, api: string): void {
  if (error instanceof AlreadySo) return void res.writeHead(304).end()
  const status = error instanceof EngineRefusal ? error.status : 500
  const message = error instanceof Error ? error.message : String(error)
  if (flavour.product === 'podman') return json(res, status, { cause: podmanCause(message), message, response: status })
  if (compareApi(api, '1.24') < 0) return plain(res, status, `${message}\n`)
  json(res, status, { message })
}

/** Podman's errors end with their cause. */
function podmanCause(message: string): string {
  return message.split(': ').at(-1) ?? message
}

function notFound({ flavour }: EngineView, res: ServerResponse): void {
  if (flavour.product === 'podman') return plain(res, 404, 'Not Found\n')
  json(res, 404, { message: 'page not found' })
}

function json(res: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body)
}

function plain(res: ServerResponse, status: number, text: string): void {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) }
  res.writeHead(status, headers).end(text)
}

function isTrue(text: string | null): boolean {
  return text !== null && !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase())
}

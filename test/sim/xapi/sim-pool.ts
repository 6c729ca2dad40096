import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { CallRecorder } from './call-recorder.ts'
import type { Methods, World } from './call-context.ts'
import { loadDataModel } from './data-model.ts'
import { Database, type DatabaseImage } from './database.ts'
import { deviceMethods } from './device-methods.ts'
import { Dispatcher } from './dispatch.ts'
import { Events, xapiTiming, type EventTiming } from './events.ts'
import { HostServer } from './host-server.ts'
import { hostMethods } from './host-methods.ts'
import { inventory } from './inventory.ts'
import { messageMethods } from './message-methods.ts'
import { Messages } from './messages.ts'
import { pluginMethods } from './plugins.ts'
import { createPoolObjects, type PoolObjects } from './pool-objects.ts'
import { PoolHelpers } from './pool-helpers.ts'
import { RawVdi, type TransferFaults } from './raw-vdi.ts'
import { RpcHandler } from './rpc-handler.ts'
import { sessionMethods } from './session-methods.ts'
import { Sessions } from './sessions.ts'
import type { SimHost } from './sim-host.ts'
import { Stats, type ObservedWrite } from './stats.ts'
import { Tasks } from './tasks.ts'
import { vmMethods } from './vm-methods.ts'
import { HttpFault } from './xapi-error.ts'

export interface SimPoolOptions {
  readonly hosts: number
  /** Holds host-<n>/ with xapi.sock, inventory and plugins/. Keep it short: socket paths end at 107 bytes. */
  readonly dir: string
  readonly timing?: EventTiming
}

const METHODS: Methods = {
  ...sessionMethods,
  ...messageMethods,
  ...hostMethods,
  ...pluginMethods,
  ...vmMethods,
  ...deviceMethods,
}

/** A simulated pool: one database, one XAPI per host on its own unix socket. Hosts and files count from 1. */
export class SimPool extends PoolHelpers {
  readonly stats: Stats
  readonly hosts: SimHost[] = []
  readonly sessions: Sessions
  private readonly recorder: CallRecorder
  private readonly servers: HostServer[] = []
  private readonly events: Events
  private readonly rpc: RpcHandler
  private readonly dispatcher: Dispatcher
  private readonly rawVdi: RawVdi
  private flushed: DatabaseImage

  static async start(options: SimPoolOptions): Promise<SimPool> {
    const db = new Database(loadDataModel())
    const addresses = Array.from({ length: options.hosts }, (_, i) => `127.0.99.${i + 1}`)
    const pool = new SimPool(db, createPoolObjects(db, addresses), options.timing ?? xapiTiming)
    for (const index of addresses.keys()) await pool.addHost(index, join(options.dir, `host-${index + 1}`))
    for (const server of pool.servers) await server.up()
    return pool
  }

  private constructor(db: Database, objects: PoolObjects, timing: EventTiming) {
    const waiting: { events?: Events } = {}
    super(db, objects, new Messages(() => waiting.events?.messagesChanged()))
    this.events = waiting.events = new Events(db, this.messages, timing)
    db.onChange((cls, ref) => this.events.databaseChanged(cls, ref))
    this.sessions = new Sessions(db, (session) => this.events.endSession(session))
    this.stats = new Stats()
    this.recorder = new CallRecorder(this.stats, db, this.sessions)
    const world = this.world()
    this.dispatcher = new Dispatcher(db.model, world, METHODS)
    this.rpc = new RpcHandler(this.dispatcher, this.recorder)
    this.rawVdi = new RawVdi(world)
    this.flushed = db.image()
  }

  get coordinator(): SimHost {
    const master = this.db.row('pool', this.objects.pool).get('master')
    const host = this.hosts.find((candidate) => candidate.ref === master)
    if (host === undefined) throw new Error('the pool has no coordinator')
    return host
  }

  /** Open connections to a host's socket. */
  connections(host: SimHost): number {
    return this.servers[host.index]?.connections ?? 0
  }

  /** Calls of event.from that have no answer yet. */
  get waiting(): number {
    return this.events.waiting
  }

  /** Those of them that are past their first delay and wait for a write. */
  get blocked(): number {
    return this.events.blocked
  }

  /** What was imported into a VDI; undefined: nothing yet. */
  vdiContent(vdi: string): Buffer | undefined {
    return this.rawVdi.contents.get(vdi)
  }

  /** Puts content into a VDI, as somebody's import has. */
  setVdiContent(vdi: string, content: Buffer): void {
    this.rawVdi.contents.set(vdi, content)
  }

  /** What goes wrong with transfers of disk contents. */
  get transferFaults(): TransferFaults {
    return this.rawVdi.faults
  }

  /** Has something happen before each call of this method is carried out; undefined ends it. It may wait, or throw an XapiError. */
  before(method: string, happens: (() => void | Promise<void>) | undefined): void {
    if (happens === undefined) this.dispatcher.before.delete(method)
    else this.dispatcher.before.set(method, happens)
  }

  /** Open sessions by originator. */
  openSessions(): Record<string, number> {
    return this.sessions.byOriginator()
  }

  /** Calls back for every field that a caller writes; the returned function ends it. */
  onWrite(observer: (write: ObservedWrite) => void): () => void {
    return this.recorder.observe(observer)
  }

  dropSessions(): void {
    this.sessions.destroyAll()
  }

  /** Every XAPI of the pool goes down, stays away for a while, and comes back with the database as it was. */
  async restart(downMs = 200): Promise<void> {
    await this.cycle(downMs, () => this.db.load(this.db.image()))
  }

  /** Remembers the database as on disk, for crashRestart. XAPI does so every few minutes. */
  flush(): void {
    this.flushed = this.db.image()
  }

  /** As restart, but with the database of the last flush: later writes are lost, tokens lie in the future. */
  async crashRestart(downMs = 200): Promise<void> {
    await this.cycle(downMs, () => this.db.load(this.flushed))
  }

  /** Another host becomes the coordinator: sessions are gone, the database is read anew. */
  async changeCoordinator(host: SimHost, downMs = 200): Promise<void> {
    await this.cycle(downMs, () => {
      this.db.set(this.db.row('pool', this.objects.pool), 'master', host.ref)
      this.db.load(this.db.image())
    })
  }

  async stop(): Promise<void> {
    this.events.endAll(new HttpFault('stopped'))
    for (const server of this.servers) await server.down()
  }

  private async cycle(downMs: number, change: () => void): Promise<void> {
    for (const server of this.servers) await server.down()
    this.events.endAll(new HttpFault('restarting'))
    change()
    await new Promise((resolve) => setTimeout(resolve, downMs))
    for (const server of this.servers) await server.up()
  }

  private world(): World {
    const tasks = new Tasks(this.db)
    const { db, messages, events, sessions, hosts } = this
    const contents = { copy: (from: string, to: string) => this.rawVdi.copy(from, to) }
    return { db, messages, events, sessions, tasks, hosts, contents, coordinator: () => this.coordinator }
  }

  private async addHost(index: number, dir: string): Promise<void> {
    const row = this.objects.hosts[index]
    if (row === undefined) throw new Error(`no host ${index}`)
    const socketPath = join(dir, 'xapi.sock')
    if (Buffer.byteLength(socketPath) > 107) throw new Error(`too long for a unix socket: ${socketPath}`)
    const server = new HostServer({
      socketPath,
      rpc: this.rpc,
      host: () => host,
      coordinator: () => this.coordinator,
      dropSessions: () => this.dropSessions(),
      userAgent: (name) => this.stats.userAgents.add(name),
      raw: (request, reader, socket) => this.rawVdi.serve(host, request, reader, socket),
    })
    const host: SimHost = {
      index,
      ref: row.ref,
      uuid: row.text('uuid'),
      address: row.text('address'),
      socketPath,
      inventoryPath: join(dir, 'inventory'),
      pluginsDir: join(dir, 'plugins'),
      pluginEnv: {},
      faults: server.faults,
    }
    await mkdir(host.pluginsDir, { recursive: true, mode: 0o700 })
    await writeFile(host.inventoryPath, inventory(host.uuid))
    this.servers.push(server)
    this.hosts.push(host)
  }
}

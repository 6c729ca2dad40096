import { XMLParser } from 'fast-xml-parser'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { EngineSim, type EngineOptions } from '../sim/guest/engine-sim.ts'
import { GuestSim, type GuestOptions } from '../sim/guest/guest-sim.ts'
import type { Message } from '../sim/xapi/messages.ts'
import type { VmArg } from '../sim/xapi/pool-helpers.ts'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import { SimPool } from '../sim/xapi/sim-pool.ts'
import type { ObservedWrite } from '../sim/xapi/stats.ts'
import { WireClient } from '../sim/xapi/wire-client.ts'
import { callOnce } from './call-once.ts'
import { DaemonProcess } from './daemon-process.ts'
import { answersDiagnosis } from './guest-shell.ts'

/** Where sshd listens in all guests. */
export const PORT = 2222

/** One key for all: making RSA keys is slow. */
const poolKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ format: 'pem', type: 'pkcs1' })
  .toString()
export const POOL_PUBLIC_LINE = parsePrivateKey(poolKey).publicLine

export interface GuestWish extends Omit<Partial<GuestOptions>, 'engine'> {
  readonly name?: string
  readonly host?: SimHost
  readonly engine?: EngineOptions
  readonly otherConfig?: Readonly<Record<string, string>>
  /** What the guest's agent reports; its own address by default. */
  readonly networks?: Readonly<Record<string, string>>
  readonly powerState?: 'Running' | 'Halted'
  /** False: no guest agent, so no guest metrics. */
  readonly guestTools?: boolean
}

export interface WorldGuest {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  readonly sim: GuestSim
  readonly engine: EngineSim
}

export interface WorldOptions {
  readonly hosts?: number
  /** By section, as in the configuration file; the times are short ones by default. */
  readonly settings?: World['settings']
  /** False: the pool has no key yet. */
  readonly withKey?: boolean
  /** The private key in the pool's secrets, PEM or OpenSSH's form. */
  readonly key?: string
  /** How long `until` and `untilMonitored` wait where nothing else is said, seconds; default 20. */
  readonly patience?: number
}

/** What there is only while somebody monitors the VM. */
export const OURS: readonly string[] = [
  'docker_ps',
  'docker_info',
  'docker_version',
  'docker_top',
  'xscontainer-status',
  'xscontainer-updated',
]
const MESSAGE = 'Container Management cannot monitor VM'
/** A key that is away for longer than this was not replaced but taken away, milliseconds. */
const AWAY_MS = 1000

/** A simulated pool, simulated guests with real SSH, and the built daemon against them. */
export class World {
  readonly pool: SimPool
  readonly dir: string
  readonly guests: WorldGuest[] = []
  readonly daemons: DaemonProcess[] = []
  /** Every change of a field that anybody made through XAPI, in order. */
  readonly writes: ObservedWrite[] = []
  readonly #clients: WireClient[] = []
  readonly #patience: number
  #named = 0
  #settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>

  private constructor(pool: SimPool, dir: string, settings: World['settings'], patience: number) {
    this.pool = pool
    this.dir = dir
    this.#settings = settings
    this.#patience = patience
    pool.onWrite((write) => this.writes.push(write))
  }

  get settings(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return this.#settings
  }

  static async start({
    hosts = 1,
    settings = {},
    withKey = true,
    key = poolKey,
    patience = 20,
  }: WorldOptions = {}): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'xsc-'))
    const pool = await SimPool.start({ hosts, dir })
    const world = new World(pool, dir, settings, patience)
    if (withKey) await world.#storeKey(key)
    return world
  }

  /** A world for one test: stopped afterwards whatever happens. */
  static async during(options: WorldOptions, test: (world: World) => Promise<void>): Promise<void> {
    const world = await World.start(options)
    try {
      await test(world)
    } catch (error) {
      await world.stop().catch(() => undefined)
      throw error
    }
    await world.stop()
  }

  async addGuest(wish: GuestWish = {}): Promise<WorldGuest> {
    const name = wish.name ?? `guest-${++this.#named}`
    const address = wish.address ?? nextAddress()
    const engine = new EngineSim({ name, ...wish.engine })
    const users = { core: { authorizedKeys: [POOL_PUBLIC_LINE], groups: ['docker'] } }
    const behaviours = [answersDiagnosis(), ...(wish.behaviours ?? [])]
    const sim = await GuestSim.start({ port: PORT, users, ...wish, address, engine, behaviours })
    const { ref, uuid } = this.pool.createVm({
      name,
      host: wish.host ?? this.pool.hosts[0]!,
      powerState: wish.powerState ?? 'Running',
      otherConfig: { 'xscontainer-monitor': 'True', ...wish.otherConfig },
      networks: wish.networks ?? { '0/ip': address, '0/ipv4/0': address },
      ...(wish.guestTools === undefined ? {} : { guestTools: wish.guestTools }),
    })
    const guest = { ref, uuid, name, sim, engine }
    this.guests.push(guest)
    return guest
  }

  async startDaemon(
    host: SimHost = this.pool.hosts[0]!,
    {
      log = join(this.dir, `host-${host.index}-${this.daemons.length}.log`),
      env = {},
    }: { readonly log?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<DaemonProcess> {
    const daemon = DaemonProcess.start(this.configFile(host, log), log, env)
    this.daemons.push(daemon)
    return daemon
  }

  /** Path of a configuration file for this host. */
  configFile(host: SimHost = this.pool.hosts[0]!, log = join(this.dir, 'unused.log')): string {
    const path = join(this.dir, `host-${host.index}.toml`)
    // In one step: commands that run at the same time read it.
    writeFileSync(`${path}.new`, toml(this.#allSettings(host, log)))
    renameSync(`${path}.new`, path)
    return path
  }

  /** A client of XAPI's with a connection of its own. */
  client(host: SimHost = this.pool.hosts[0]!): WireClient {
    const client = new WireClient(host.socketPath)
    this.#clients.push(client)
    return client
  }

  /** One call as an administrator makes it. */
  call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    return callOnce(this.pool.hosts[0]!.socketPath, method, params)
  }

  /** Sets or removes a key of VM.other_config as `xe` does. */
  async setKey(vm: { readonly ref: string }, key: string, value: string | undefined): Promise<void> {
    await this.call('VM.remove_from_other_config', vm.ref, key)
    if (value !== undefined) await this.call('VM.add_to_other_config', vm.ref, key, value)
  }

  /** VM.other_config as XAPI has it now. */
  config(guest: { readonly ref: string }): Record<string, string> {
    return this.pool.otherConfig(guest)
  }

  /** Those of our keys that the VM has now. */
  published(vm: VmArg): string[] {
    const config = this.pool.otherConfig(vm)
    return OURS.filter((key) => config[key] !== undefined)
  }

  /** What the administrator has been told about this VM and was not taken back. */
  messages({ uuid }: { readonly uuid: string }): Message[] {
    return this.pool.allMessages().filter((message) => message.objUuid === uuid && message.name === MESSAGE)
  }

  /** Writes to this VM so far, of one key or of all. */
  writesTo({ ref }: { readonly ref: string }, key?: string): ObservedWrite[] {
    return this.writes.filter((write) => write.ref === ref && (key === undefined || write.key === key))
  }

  /** How often the list was taken away and not put back at once. */
  wipes(guest: { readonly ref: string }): number {
    const writes = this.writesTo(guest, 'docker_ps')
    const first = writes.findIndex(({ method }) => method === 'VM.add_to_other_config')
    return writes.filter((write, i) => {
      if (i < first || write.method !== 'VM.remove_from_other_config') return false
      return (writes[i + 1]?.time ?? Infinity) - write.time > AWAY_MS
    }).length
  }

  status(guest: { readonly ref: string }): string {
    return this.config(guest)['xscontainer-status'] ?? ''
  }

  /** The containers of `docker_ps`, by name: what Xen Orchestra's parser makes of them. */
  containers(guest: { readonly ref: string }): Record<string, Record<string, unknown>> {
    return Object.fromEntries(this.entries(guest).map((entry) => [String(entry['names']), entry]))
  }

  entries(guest: { readonly ref: string }): Record<string, unknown>[] {
    const xml = this.config(guest)['docker_ps']
    if (xml === undefined) return []
    const document = new XMLParser({ parseTagValue: false }).parse(xml) as { docker_ps: { item?: unknown } | '' }
    const items = document.docker_ps === '' ? [] : [document.docker_ps.item ?? []].flat()
    return (items as { entry: Record<string, unknown> }[]).map(({ entry }) => entry)
  }

  /** Waits until it holds; after so many seconds it fails with what was there instead. */
  async until(what: string, holds: () => boolean, seconds = this.#patience): Promise<void> {
    const end = systemClock.monotonic() + seconds * 1000
    while (!holds()) {
      if (systemClock.monotonic() > end) throw new Error(`not within ${seconds} s: ${what}\n${this.describe()}`)
      await sleep(20)
    }
  }

  async untilMonitored(guest: { readonly ref: string }, seconds = this.#patience): Promise<void> {
    await this.until(
      'the guest is monitored',
      () => this.status(guest).startsWith('monitored since') && this.config(guest)['docker_ps'] !== undefined,
      seconds,
    )
  }

  async untilFailed(guest: { readonly ref: string }, cause: RegExp, seconds = 30): Promise<void> {
    await this.until(
      `the status names ${String(cause)}`,
      () => this.status(guest).startsWith('failed since') && cause.test(this.status(guest)),
      seconds,
    )
  }

  /** Waits until nobody has written anything for so long. */
  async untilQuiet(seconds = 3): Promise<void> {
    const quiet = () => Date.now() - (this.writes.at(-1)?.time ?? 0) > seconds * 1000
    await this.until('nothing is written any more', quiet, 45)
  }

  /** Waits until none of our keys is left. */
  async untilClean(vm: VmArg, seconds = 20): Promise<void> {
    await this.until('the VM is clean', () => this.published(vm).length === 0, seconds)
  }

  /** Ends all. Rejects when a daemon did what none may ever do. */
  async stop(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.kill()))
    const wrongs = [...this.daemons.flatMap((daemon) => daemon.wrongs()), ...this.#wrongCalls()]
    for (const client of this.#clients) client.close()
    await Promise.all(this.guests.map(({ sim }) => sim.stop()))
    await this.pool.stop()
    rmSync(this.dir, { recursive: true, force: true })
    if (wrongs.length > 0) throw new Error(wrongs.join('\n'))
  }

  /** Whole maps are never written: that would destroy what others wrote in between. */
  #wrongCalls(): string[] {
    const calls = Object.keys(this.pool.stats.calls).filter((method) => /\.set_other_config$/.test(method))
    return calls.map((method) => `somebody called ${method}`)
  }

  /** What a failed test needs to be understood. */
  describe(): string {
    const vms = [...this.pool.db.table('VM').rows.values()].flatMap((vm) => {
      const config = this.config(vm)
      if (config['xscontainer-monitor'] === undefined) return []
      const keys = Object.keys(config).filter((key) => key.startsWith('docker'))
      const containers = this.entries(vm).map(({ names, status }) => `${String(names)} ${String(status)}`)
      return `${vm.text('uuid')}: ${this.status(vm)} | ${keys.join(' ')} | ${containers.slice(0, 20).join(', ')}`
    })
    return [...vms, ...this.daemons.map((daemon) => daemon.lastLines())].join('\n')
  }

  #allSettings(host: SimHost, log: string) {
    const settings: Record<string, Record<string, unknown>> = {
      xapi: { socket: host.socketPath, inventory: host.inventoryPath },
      guest: { ssh_port: PORT, allow_loopback: true, connect_timeout_s: 3, keepalive_s: 5 },
      monitor: { grace_s: 5, resync_s: 30, top_schedule: '*/2 * * * * *' },
      log: { level: 'debug', file: log },
      control: { socket: join(this.dir, `host-${host.index}.sock`) },
    }
    for (const [section, values] of Object.entries(this.#settings)) Object.assign((settings[section] ??= {}), values)
    return settings
  }

  async #storeKey(privatePem: string): Promise<void> {
    const pool = this.pool.objects.pool
    for (const [key, value] of [
      ['xscontainer-private-secret-uuid', privatePem],
      ['xscontainer-public-secret-uuid', parsePrivateKey(privatePem).publicLine],
    ] as const) {
      const secret = await this.call('secret.create', { value, other_config: {} })
      await this.call('pool.add_to_other_config', pool, key, await this.call('secret.get_uuid', secret))
    }
    this.pool.stats.reset()
    this.writes.length = 0
  }
}

/** Addresses that no other test of this run has: each process has its own /24 networks, named by its process number. */
let addresses = 0
export function nextAddress(): string {
  const n = addresses++
  const network = (process.pid + Math.floor(n / 250) * 7919) % (100 * 256)
  return `127.${100 + (network >> 8)}.${network & 255}.${(n % 250) + 1}`
}

function toml(settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  return Object.entries(settings)
    .map(
      ([section, values]) =>
        `[${section}]\n${Object.entries(values)
          .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
          .join('')}`,
    )
    .join('\n')
}

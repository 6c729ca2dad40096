import { XMLParser } from 'fast-xml-parser'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'
import { EngineSim, type EngineOptions } from '../sim/guest/engine-sim.ts'
import { GuestSim, type GuestOptions } from '../sim/guest/guest-sim.ts'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import { SimPool } from '../sim/xapi/sim-pool.ts'
import { callOnce } from './call-once.ts'
import { DaemonProcess } from './daemon-process.ts'

const PORT = 2222

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
}

export interface WorldGuest {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  readonly sim: GuestSim
  readonly engine: EngineSim
}

/** A simulated pool, simulated guests with real SSH, and the built daemon against them. */
export class World {
  readonly pool: SimPool
  readonly dir: string
  readonly guests: WorldGuest[] = []
  readonly daemons: DaemonProcess[] = []
  #settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>

  private constructor(pool: SimPool, dir: string, settings: World['settings']) {
    this.pool = pool
    this.dir = dir
    this.#settings = settings
  }

  get settings(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return this.#settings
  }

  /** `settings` by section, as in the configuration file; the times are short ones by default. */
  static async start({
    hosts = 1,
    settings = {},
    withKey = true,
    key = poolKey,
  }: { hosts?: number; settings?: World['settings']; withKey?: boolean; key?: string } = {}): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'xsc-'))
    const pool = await SimPool.start({ hosts, dir })
    const world = new World(pool, dir, settings)
    if (withKey) await world.#storeKey(key)
    return world
  }

  async addGuest(wish: GuestWish = {}): Promise<WorldGuest> {
    const name = wish.name ?? `guest-${this.guests.length + 1}`
    const address = wish.address ?? nextAddress()
    const engine = new EngineSim({ name, ...wish.engine })
    const users = { core: { authorizedKeys: [POOL_PUBLIC_LINE], groups: ['docker'] } }
    const sim = await GuestSim.start({ port: PORT, users, ...wish, address, engine })
    const { ref, uuid } = this.pool.createVm({
      name,
      host: wish.host ?? this.pool.hosts[0]!,
      powerState: wish.powerState ?? 'Running',
      otherConfig: { 'xscontainer-monitor': 'True', ...wish.otherConfig },
      networks: wish.networks ?? { '0/ip': address, '0/ipv4/0': address },
    })
    const guest = { ref, uuid, name, sim, engine }
    this.guests.push(guest)
    return guest
  }

  async startDaemon(host: SimHost = this.pool.hosts[0]!): Promise<DaemonProcess> {
    const config = join(this.dir, `host-${host.index}.toml`)
    const log = join(this.dir, `host-${host.index}-${this.daemons.length}.log`)
    writeFileSync(config, toml(this.#allSettings(host, log)))
    const daemon = DaemonProcess.start(config, log)
    this.daemons.push(daemon)
    return daemon
  }

  /** VM.other_config as XAPI has it now. */
  config(guest: { readonly ref: string }): Record<string, string> {
    return this.pool.otherConfig(guest)
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
  async until(what: string, holds: () => boolean, seconds = 20): Promise<void> {
    const end = systemClock.monotonic() + seconds * 1000
    while (!holds()) {
      if (systemClock.monotonic() > end) throw new Error(`not within ${seconds} s: ${what}\n${this.describe()}`)
      await sleep(20)
    }
  }

  async untilMonitored(guest: { readonly ref: string }, seconds = 20): Promise<void> {
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

  async stop(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.kill()))
    await Promise.all(this.guests.map(({ sim }) => sim.stop()))
    await this.pool.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** What a failed test needs to be understood. */
  describe(): string {
    const vms = this.guests.map((guest) => {
      const config = this.config(guest)
      return `${guest.name}: ${this.status(guest)} | ${Object.keys(config)
        .filter((key) => key.startsWith('docker'))
        .join(' ')}`
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
    const call = (method: string, ...params: unknown[]) => callOnce(this.pool.hosts[0]!.socketPath, method, params)
    const pool = this.pool.objects.pool
    for (const [key, value] of [
      ['xscontainer-private-secret-uuid', privatePem],
      ['xscontainer-public-secret-uuid', parsePrivateKey(privatePem).publicLine],
    ] as const) {
      const secret = await call('secret.create', { value, other_config: {} })
      await call('pool.add_to_other_config', pool, key, await call('secret.get_uuid', secret))
    }
    this.pool.stats.reset()
  }
}

/** Addresses that no other test of this run has: each test process has a second octet of its own. */
let addresses = 0
function nextAddress(): string {
  const n = ++addresses
  return `127.${100 + (process.pid % 100)}.${Math.floor(n / 250)}.${(n % 250) + 1}`
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

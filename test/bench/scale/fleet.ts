import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { parsePrivateKey } from '../../../src/transports/ssh/ssh-key.ts'
import { startManyGuests, type ManyGuests } from '../../real/many-guests.ts'
import { callOnce } from '../../scenarios/call-once.ts'
import { DaemonProcess } from '../../scenarios/daemon-process.ts'
import { GuestProcess } from '../../sim/guest/guest-process-handle.ts'
import type { SimVm } from '../../sim/xapi/pool-helpers.ts'
import { RemotePool } from '../../sim/xapi/remote-pool.ts'

export const CONTAINERS = 20
/** At most so many guests have an engine that only they see, in one process. */
const MOST_SIMULATED = 100
/** The probe as Node reads it. */
const probe = transformSync(readFileSync(new URL('./probe.ts', import.meta.url), 'utf8'), { loader: 'ts' }).code

/** The VMs by what is behind them. */
export interface FleetVms {
  /** One real sshd and one real engine: a container event is seen by all of them. */
  readonly shared: readonly SimVm[]
  /** A real guest with an engine of its own. */
  readonly alone: SimVm
  /** Guests with simulated engines of their own behind real SSH. */
  readonly simulated: readonly SimVm[]
  readonly all: readonly SimVm[]
}

/** N guests, a pool of two hosts in a process of its own, and the built daemon with its shipped settings. */
export class Fleet {
  readonly pool: RemotePool
  readonly shared: ManyGuests
  readonly alone: ManyGuests
  readonly simulated: GuestProcess
  readonly vms: FleetVms
  readonly daemons: DaemonProcess[] = []
  readonly dir: string

  private constructor(
    parts: Pick<Fleet, 'pool' | 'shared' | 'alone' | 'simulated' | 'dir'> & { readonly vms: FleetVms },
  ) {
    this.pool = parts.pool
    this.shared = parts.shared
    this.alone = parts.alone
    this.simulated = parts.simulated
    this.vms = parts.vms
    this.dir = parts.dir
  }

  static async start(count: number): Promise<Fleet> {
    const dir = mkdtempSync(join(tmpdir(), 'xsc-scale-'))
    const pem = generateKeyPairSync('rsa', { modulusLength: 4096 })
      .privateKey.export({ format: 'pem', type: 'pkcs1' })
      .toString()
    const keys = [parsePrivateKey(pem).publicLine]
    const simulatedCount = Math.min(MOST_SIMULATED, Math.floor(count / 2))
    const limits = { maxStartups: '2000', verbose: true, keys }
    const shared = await startManyGuests({ ...limits, count: count - simulatedCount - 1, network: '127.64.0' })
    const alone = await startManyGuests({ ...limits, count: 1, network: '127.90.0', port: shared.port })
    for (const { dockerd } of [shared, alone]) {
      for (let i = 0; i < CONTAINERS; i++) await dockerd.containers.run(specOf(i))
    }
    const simulated = new GuestProcess()
    const addresses = Array.from({ length: simulatedCount }, (_, i) => `127.91.0.${i + 1}`)
    for (const address of addresses) {
      await simulated.start(address, {
        address,
        port: shared.port,
        users: { core: { authorizedKeys: keys, groups: ['docker'] } },
        containers: Array.from({ length: CONTAINERS }, (_, i) => ({ name: specOf(i).name, labels: specOf(i).labels })),
      })
    }
    const pool = await RemotePool.start({ hosts: 2, dir })
    await storeKey(pool, pem)
    const vms = await pool.call(
      'createVms',
      [...shared.addresses, ...alone.addresses, ...addresses].map((address, i) => ({
        name: `guest-${i}`,
        otherConfig: { 'xscontainer-monitor': 'True' },
        networks: { '0/ip': address },
      })),
    )
    const of = { shared: vms.slice(0, shared.addresses.length), simulated: vms.slice(shared.addresses.length + 1) }
    const fleet = new Fleet({
      pool,
      shared,
      alone,
      simulated,
      dir,
      vms: { ...of, alone: vms[shared.addresses.length]!, all: vms },
    })
    return fleet
  }

  /** Names of the simulated guests, in the order of their VMs. */
  get simulatedNames(): string[] {
    return this.vms.simulated.map((_, i) => `127.91.0.${i + 1}`)
  }

  /** The daemon of this host, with the settings it is shipped with. */
  startDaemon(host = 0): DaemonProcess {
    const { socketPath, inventoryPath } = this.pool.hosts[host]!
    const log = join(this.dir, `daemon-${host}.log`)
    const config = join(this.dir, `daemon-${host}.toml`)
    const sections = [
      `[xapi]\nsocket = "${socketPath}"\ninventory = "${inventoryPath}"`,
      `[guest]\nssh_port = ${this.shared.port}\nallow_loopback = true`,
      `[log]\nfile = "${log}"`,
      `[control]\nsocket = "${join(this.dir, `control-${host}.sock`)}"`,
    ]
    writeFileSync(config, `${sections.join('\n\n')}\n`)
    const probeFile = join(this.dir, 'probe.mjs')
    writeFileSync(probeFile, probe)
    const env = { NODE_OPTIONS: `--import=${probeFile}`, XSC_PROBE: this.probeOf(host) }
    const daemon = DaemonProcess.start(config, log, env)
    this.daemons.push(daemon)
    return daemon
  }

  probeOf(host: number): string {
    return join(this.dir, `probe-${host}.sock`)
  }

  /** Path of the file with settings that `startDaemon` made, for commands. */
  configOf(host: number): string {
    return join(this.dir, `daemon-${host}.toml`)
  }

  /** Ends all of it and leaves nothing. */
  async stop(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.kill()))
    await Promise.allSettled([this.pool.stop(), this.simulated.stop(), this.shared.stop(), this.alone.stop()])
    rmSync(this.dir, { recursive: true, force: true })
  }
}

function specOf(i: number) {
  return {
    name: `service-${i}`,
    labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': `service-${i}` },
  }
}

async function storeKey(pool: RemotePool, pem: string): Promise<void> {
  const { socketPath } = pool.hosts[0]!
  const { pool: ref } = await pool.call('objects')
  for (const [key, value] of [
    ['xscontainer-private-secret-uuid', pem],
    ['xscontainer-public-secret-uuid', parsePrivateKey(pem).publicLine],
  ] as const) {
    const secret = await callOnce(socketPath, 'secret.create', [{ value, other_config: {} }])
    const uuid = await callOnce(socketPath, 'secret.get_uuid', [secret])
    await callOnce(socketPath, 'pool.add_to_other_config', [ref, key, uuid])
  }
}

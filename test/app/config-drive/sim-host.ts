import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { parseConfig } from '../../../src/app/config.ts'
import { runAlone } from '../../../src/app/operations/run-alone.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Args } from '../../../src/operations/operation.ts'
import { generateKeyPairSync } from 'node:crypto'
import { parsePrivateKey } from '../../../src/transports/ssh/ssh-key.ts'
import { RecordingLog } from '../../fakes/recording-log.ts'
import type { PlainValue } from '../../sim/xapi/plain-value.ts'
import type { SimHost } from '../../sim/xapi/sim-host.ts'
import { SimPool } from '../../sim/xapi/sim-pool.ts'
import { callOnce } from '../../scenarios/call-once.ts'

export const TEMPLATE = '#cloud-config\nssh_authorized_keys:\n  - ssh-rsa %CONTAINERRSAPUB%\n'

const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs1' })
export const PUBLIC_KEY = parsePrivateKey(pem.toString()).publicLine.split(' ')[1]!

type Plain = Record<string, PlainValue>
export interface SimDrive {
  readonly vbd: Plain
  readonly vdi: Plain
  readonly vdiRef: string
}

/** A simulated pool of two hosts, and operations that are done on its first host in this process, without a daemon. */
export class OperationSim {
  readonly dir = mkdtempSync(join(tmpdir(), 'drive-'))
  readonly recording = new RecordingLog()
  pool!: SimPool

  async start(): Promise<void> {
    this.pool = await SimPool.start({ hosts: 2, dir: this.dir })
    const secret = await this.call('secret.create', { value: pem.toString(), other_config: {} })
    const uuid = await this.call('secret.get_uuid', secret)
    await this.call('pool.add_to_other_config', this.pool.objects.pool, 'xscontainer-private-secret-uuid', uuid)
  }

  async stop(): Promise<void> {
    await this.pool.stop()
    rmSync(this.dir, { recursive: true })
  }

  call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    return callOnce(this.pool.hosts[0]!.socketPath, method, params)
  }

  get sr(): string {
    return this.pool.db.row('SR', this.pool.objects.sr).text('uuid')
  }

  /** Does an operation on this host. */
  run(operation: string, args: Args, signal = new AbortController().signal, host: SimHost = this.pool.hosts[0]!) {
    const config = parseConfig(
      `[xapi]\nsocket = "${host.socketPath}"\ninventory = "${host.inventoryPath}"\n` +
        `[control]\nsocket = "${this.dir}/run-${this.pool.hosts.indexOf(host)}/control.sock"\n` +
        `[config_drive]\ntemplate = "${this.dir}/template"\ntools_isos = "${this.dir}/isos"\n`,
      'test.toml',
    )
    const { log } = this.recording
    return runAlone({ config, log, clock: systemClock, random: () => 0.5 }, operation, args, signal)
  }

  create(
    vm: { readonly uuid: string },
    configuration = TEMPLATE,
    signal?: AbortSignal,
    host?: SimHost,
  ): Promise<string> {
    return this.run('create_config_drive', { vmuuid: vm.uuid, sruuid: this.sr, configuration }, signal, host)
  }

  /** A VM with these VBDs besides its first disk. */
  vm(powerState: 'Running' | 'Halted' | 'Suspended' | 'Paused' = 'Halted', name = 'web') {
    return this.pool.createVm({ name, powerState })
  }

  /** The VM's drives but its first. */
  drives(vm: { readonly ref: string }): SimDrive[] {
    const refs = this.pool.record('VM', vm.ref)?.['VBDs'] as readonly string[]
    return refs.flatMap((ref) => {
      const vbd = this.pool.record('VBD', ref)
      const vdiRef = vbd?.['VDI'] as string
      const vdi = this.pool.record('VDI', vdiRef)
      return vbd === undefined || vdi === undefined || vbd['userdevice'] === '0' ? [] : [{ vbd, vdi, vdiRef }]
    })
  }

  marked(vm: { readonly ref: string }): SimDrive[] {
    return this.drives(vm).filter(({ vbd }) => config(vbd)['config-drive'] === 'True')
  }

  /** Uuids of all config drives' disks in the pool. */
  disks(): string[] {
    const all = [...this.pool.db.rows('VDI')].filter((vdi) => vdi.get('name_label') === 'Automatic Config Drive')
    return all.map((vdi) => vdi.text('uuid')).sort()
  }
}

export function config(object: Plain): Record<string, string> {
  return object['other_config'] as Record<string, string>
}

/** One pool for a test file; what a test has put before calls goes with it. */
export function useOperationSim(): OperationSim {
  const sim = new OperationSim()
  const put = new Set<string>()
  beforeAll(async () => {
    await sim.start()
    const before = sim.pool.before.bind(sim.pool)
    sim.pool.before = (method, happens) => {
      put.add(method)
      before(method, happens)
    }
  })
  beforeEach(() => {
    for (const method of put) sim.pool.before(method, undefined)
    Object.assign(sim.pool.transferFaults, { cutAfter: undefined, status: undefined, stall: undefined })
  })
  afterAll(() => sim.stop())
  return sim
}

import { join, dirname } from 'node:path'
import type { Random } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { KEY } from '../../model/fields.ts'
import type { Transport } from '../../model/guest.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import type { VmContext } from '../../operations/operation.ts'
import { byMode } from '../../transports/by-mode.ts'
import { SshTransport } from '../../transports/ssh/ssh-transport.ts'
import { XapiSecrets } from '../../xapi/secrets.ts'
import { XapiSession } from '../../xapi/session.ts'
import { publishedVm } from '../cli/published.ts'
import { readVms } from '../cli/vms.ts'
import type { Config } from '../config.ts'
import { readPoolKey, readPreviousKey } from '../doctor/pool-key.ts'
import { readVmFacts } from '../doctor/vm-facts.ts'
import { findThisHost } from '../this-host.ts'
import { tlsWithSecrets } from '../tls/tls-with-secrets.ts'
import { ProcessSlots } from './process-slots.ts'
import type { HostContext } from './host-operation.ts'
import { LoneVm } from './lone-vm.ts'
import { PatientTransport } from './patient-transport.ts'

const XAPI_CALL_MS = 20_000
/** One sshd takes 10 connections that have not logged in yet, then drops some (MaxStartups 10:30:100). */
const DIALS = 4
/** Does not matter: the connection ends with the operation. */
const KEEPALIVE_MS = 15_000

export interface LoneDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly config: Config
  /** XAPI's session of whoever asked; undefined: one of our own. */
  readonly session?: string | undefined
}

/** This host for one process without a daemon: connections of its own, which end with `close`. */
export class LoneHost implements HostContext {
  readonly isDaemon = false
  readonly clock: Clock
  readonly log: Log
  readonly config: Config
  readonly session: XapiSession
  readonly #transport: Transport
  readonly #listings: ProcessSlots
  readonly #vms: LoneVm[] = []
  #myHost: Promise<string> | undefined

  constructor(deps: LoneDeps) {
    const { clock, log, config } = deps
    this.clock = clock
    this.log = log
    this.config = config
    const { session } = deps
    this.session = new XapiSession({ socketPath: config.xapi.socket, clock, log, callMs: XAPI_CALL_MS, session })
    const { ssh_port: port, connect_timeout_s } = config.guest
    const limits = { port, connectTimeoutMs: connect_timeout_s * 1000, keepaliveMs: KEEPALIVE_MS }
    const forever = new AbortController().signal
    const secrets = new XapiSecrets(this.session)
    const key = () => readPoolKey(secrets, forever)
    const previousKey = () => readPreviousKey(secrets, forever)
    const run = dirname(config.control.socket)
    const slots = new ProcessSlots(deps, join(run, 'dialling'), DIALS)
    this.#listings = new ProcessSlots(deps, join(run, 'listing'), 1)
    this.#transport = byMode([
      new PatientTransport({ ...deps, slots }, new SshTransport({ clock, log, key, previousKey }, limits)),
      tlsWithSecrets(secrets, { clock, log }, config.guest),
    ])
  }

  myHost(signal: AbortSignal): Promise<string> {
    this.#myHost ??= findThisHost(this.session, this.config.xapi.inventory, signal)
    return this.#myHost
  }

  async vm(uuid: string, signal: AbortSignal): Promise<VmContext> {
    const myHost = await this.myHost(signal)
    const allowLoopback = this.config.guest.allow_loopback
    const facts = await readVmFacts(this.session, { vmUuid: uuid, myHost, allowLoopback }, signal)
    const { clock, session, config } = this
    const deps = { clock, session, config, myHost, transport: this.#transport, listings: this.#listings }
    const vm = new LoneVm(deps, facts)
    this.#vms.push(vm)
    return vm
  }

  /** As far as VM.other_config tells. */
  async list(signal: AbortSignal): Promise<readonly ListedVm[]> {
    const vms = await readVms(this.session, this.config.xapi.inventory, signal)
    return vms.filter(({ here, otherConfig }) => here && otherConfig[KEY.monitor] === 'True').map(publishedVm)
  }

  /** Ends the connections; never rejects. */
  async close(signal: AbortSignal): Promise<void> {
    for (const vm of this.#vms) vm.close()
    await this.session.logout(signal)
  }
}

import type { Random } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { retrying } from '../base/retrying.ts'
import { onSchedule } from '../base/schedule.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import { ControlServer } from '../control/server.ts'
import { prefersHostInternal } from '../model/pool.ts'
import type { VmRecord } from '../model/vm.ts'
import { Controller } from '../monitor/controller.ts'
import { Notices } from '../publish/notices.ts'
import { Publisher } from '../publish/publisher.ts'
import { byMode } from '../transports/by-mode.ts'
import { XapiMessages } from '../xapi/messages.ts'
import { OwnVms } from '../xapi/own-vms.ts'
import { readPoolNetwork } from '../xapi/pool-network.ts'
import { XapiSecrets } from '../xapi/secrets.ts'
import { XapiSession } from '../xapi/session.ts'
import { VmFields } from '../xapi/vm-fields.ts'
import { XapiVmWatch } from '../xapi/vm-watch.ts'
import type { Config } from './config.ts'
import { PoolFacts } from './pool-facts.ts'
import { GuestSessions } from './guest-sessions.ts'
import { newKeyRenewals, sweepKeySecrets } from './keys/new-key-renewals.ts'
import type { KeyRenewals } from './keys/key-renewals.ts'
import type { MonitoredGuest } from './monitored-guest.ts'
import { giveBackMemory } from './node-memory.ts'
import { ALL_OPERATIONS } from './operations/all-operations.ts'
import { DaemonHost } from './operations/daemon-host.ts'
import { runOperation } from './operations/run-operation.ts'
import { PoolSshKey, sshWithPoolKey, type KeyRenewal } from './pool-ssh-key.ts'
import { logSpend } from './spend-document.ts'
import { findThisHost } from './this-host.ts'
import { CERTIFICATE_TITLE, CertificateWarnings } from './tls/certificate-warnings.ts'
import { tlsWithSecrets } from './tls/tls-with-secrets.ts'
import { destroyOrphanSecrets } from './tls/vm-secrets.ts'
import { VERSION } from './version.ts'

const XAPI_CALL_MS = 20_000
/** Stale keys of VMs that nobody monitors are looked for at this time of night, besides whenever such a VM changes. */
const SWEEP_SCHEDULE = '0 17 3 * * *'
const SPEND_SCHEDULE = '0 0 * * * *'
const CERTIFICATES_SCHEDULE = '0 41 * * * *'
/** When all VMs have been listed and none is monitored so long after, there is nothing to do for now. */
const IDLE_MS = 3000
/** From SIGTERM to the last write, milliseconds; the rest of the 10 s that we promise is for logging out. */
const DRAIN_MS = 7000
const LOGOUT_MS = 1500
/** For telling those who wait for an operation that there will be no answer. */
const CONTROL_STOP_MS = 500

export interface DaemonDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The monitor: runs until `signal` aborts, then takes back what it published, logs out and settles. */
export async function runDaemon(config: Config, deps: DaemonDeps, signal: AbortSignal): Promise<void> {
  const session = new XapiSession({ ...deps, socketPath: config.xapi.socket, callMs: XAPI_CALL_MS })
  // What is published last must outlive `signal`: it ends with this instead.
  const afterlife = new AbortController()
  const daemon = new Daemon(config, deps, session, afterlife.signal)
  try {
    await daemon.run(signal).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    await daemon.stop()
  } finally {
    afterlife.abort()
    await withTimeout(deps.clock, LOGOUT_MS, (inTime) => session.logout(inTime))
    deps.log.info('stopped')
  }
}

class Daemon {
  readonly #config: Config
  readonly #deps: DaemonDeps
  readonly #session: XapiSession
  readonly #watch: XapiVmWatch
  readonly #publisher: Publisher
  readonly #controller: Controller<MonitoredGuest>
  readonly #facts: PoolFacts
  readonly #key: PoolSshKey
  readonly #guests: GuestSessions
  readonly #notices: Notices
  readonly #certificates: CertificateWarnings
  readonly #control: ControlServer
  readonly #renewals: KeyRenewals
  readonly #host: DaemonHost
  #myHost = ''
  #signal = new AbortController().signal

  constructor(config: Config, deps: DaemonDeps, session: XapiSession, afterlife: AbortSignal) {
    this.#config = config
    this.#deps = deps
    this.#session = session
    this.#watch = new XapiVmWatch(
      { ...deps, session, heldOf: (ref) => this.#publisher.wantedOf(ref) },
      () => this.#listed(),
      () => this.#poolChanged(),
    )
    const own = new OwnVms({
      ...deps,
      session,
      fields: new VmFields(session),
      messages: new XapiMessages(session),
      blindMs: () => (this.#signal.aborted ? Infinity : this.#watch.blindMs()),
      myHost: () => this.#myHost,
    })
    const { writes_per_s } = config.monitor
    this.#publisher = new Publisher({
      ...deps,
      store: own,
      budget: new TokenBucket(deps.clock, writes_per_s, writes_per_s),
      known: (ref) => this.#mine(this.#watch.get(ref))?.otherConfig,
    })
    this.#notices = new Notices({ ...deps, store: own, signal: afterlife })
    this.#certificates = new CertificateWarnings(
      deps.clock,
      new Notices({ ...deps, store: own, signal: afterlife, title: CERTIFICATE_TITLE }),
    )
    this.#key = new PoolSshKey(new XapiSecrets(session), afterlife)
    this.#facts = new PoolFacts({
      ...deps,
      read: (inTime) => readPoolNetwork(session, inTime),
      changed: () => this.#enqueueAll(),
    })
    const renewal: KeyRenewal = {
      underWay: () => this.#renewals.underWay(),
      connected: (vmUuid) => this.#renewals.connected(vmUuid),
    }
    this.#guests = new GuestSessions(
      {
        ...deps,
        transport: this.#certificates.over(
          byMode([
            sshWithPoolKey(this.#key, deps, config.guest, renewal),
            tlsWithSecrets(new XapiSecrets(session), deps, config.guest),
          ]),
        ),
        publisher: this.#publisher,
        notices: this.#notices,
      },
      config,
    )
    this.#controller = this.#newController()
    this.#host = new DaemonHost({
      ...deps,
      config,
      session,
      watch: this.#watch,
      guest: (ref) => this.#controller.session(ref),
      publisher: this.#publisher,
      store: own,
      hostRef: () => (this.#watch.ageMs() === Infinity ? '' : this.#myHost),
    })
    this.#renewals = newKeyRenewals(this.#host, this.#watch, this.#key, () => this.#signal)
    this.#control = new ControlServer({
      ...deps,
      version: VERSION,
      handle: (operation, args, signal) => runOperation(ALL_OPERATIONS, this.#host, operation, args, signal),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const { log, clock, random } = this.#deps
    await this.#control.start(this.#config.control.socket)
    this.#myHost = await retrying({ clock, random, log }, 'waiting for XAPI', signal, () =>
      findThisHost(this.#session, this.#config.xapi.inventory, signal),
    )
    log.info('found this host in XAPI')
    this.#prepareKey(signal)
    onSchedule(SWEEP_SCHEDULE, () => this.#sweep(), signal)
    onSchedule(SPEND_SCHEDULE, () => logSpend(log, this.#host.spend()), signal)
    onSchedule(CERTIFICATES_SCHEDULE, () => this.#certificates.look(), signal)
    const { top_schedule } = this.#config.monitor
    if (top_schedule !== 'off') onSchedule(top_schedule, () => this.#guests.sample(), signal)
    await this.#watch.run((ref) => {
      if (this.#facts.network !== undefined) this.#controller.enqueue(ref)
    }, signal)
  }

  async stop(): Promise<void> {
    this.#deps.log.info('stopping: taking back what was published')
    await withTimeout(this.#deps.clock, DRAIN_MS, async (inTime) => {
      await withTimeout(this.#deps.clock, CONTROL_STOP_MS, () => this.#control.stop())
      await this.#controller.stop()
      await this.#publisher.drain(inTime)
    })
  }

  #listed(): void {
    this.#publisher.recheckAll()
    this.#facts.refresh(this.#signal, true)
    this.#deps.clock.after(IDLE_MS, () => {
      if (this.#controller.sessions === 0) giveBackMemory()
    })
  }

  #poolChanged(): void {
    this.#key.forget()
    this.#enqueueAll()
  }

  #enqueueAll(): void {
    if (this.#facts.network === undefined) return
    for (const { ref } of this.#watch.all()) this.#controller.enqueue(ref)
  }

  #sweep(): void {
    this.#facts.refresh(this.#signal)
    this.#enqueueAll()
    const mine = [...this.#watch.all()].filter(({ residentOn }) => residentOn === this.#myHost)
    this.#sweepSecrets()
    this.#renewals.retry(mine.filter(({ ref }) => this.#controller.session(ref)?.held).map(({ uuid }) => uuid))
    if (this.#watch.pool()?.coordinator === this.#myHost) void sweepKeySecrets(this.#host, this.#signal)
  }

  /** The VM if its keys are this host's to write: it runs here, or it runs nowhere. */
  #mine(vm: VmRecord | undefined): VmRecord | undefined {
    return vm?.residentOn === undefined || vm.residentOn === this.#myHost ? vm : undefined
  }

  /** A pool without a key gets one right away, so that it can be put into guests. */
  #prepareKey(signal: AbortSignal): void {
    const { clock, random, log } = this.#deps
    retrying({ clock, random, log }, 'the pool has no usable SSH key', signal, () => this.#key.prepare()).catch(
      (error: unknown) => log.error({ err: asError(error) }, 'the pool has no usable SSH key'),
    )
  }

  #newController(): Controller<MonitoredGuest> {
    return new Controller({
      log: this.#deps.log,
      get: (ref) => this.#watch.get(ref),
      place: () => ({ myHost: this.#myHost, amCoordinator: this.#watch.pool()?.coordinator === this.#myHost }),
      poolNetwork: () => this.#facts.network!,
      preferHostInternal: () => prefersHostInternal(this.#watch.pool()?.otherConfig ?? {}),
      allowLoopback: this.#config.guest.allow_loopback,
      newSession: (vm, aim) => {
        this.#facts.refresh(this.#signal)
        return this.#guests.create(vm, aim)
      },
      publisher: this.#publisher,
      notices: this.#bothNotices(),
    })
  }

  /** Where monitoring ends, whatever was said about the VM has had its time. */
  #bothNotices() {
    const [notices, certificates] = [this.#notices, this.#certificates]
    return {
      mayExist: (uuid: string) => notices.mayExist(uuid),
      mayBeThere: (uuid: string) => notices.mayBeThere(uuid),
      want(uuid: string, body: string | undefined) {
        notices.want(uuid, body)
        if (body === undefined) certificates.gone(uuid)
      },
      forget(uuid: string) {
        notices.forget(uuid)
        certificates.forget(uuid)
      },
    }
  }

  /** Secrets of VMs that are gone; one host of the pool is enough for that. */
  #sweepSecrets(): void {
    if (this.#watch.pool()?.coordinator !== this.#myHost) return
    const { clock, log } = this.#deps
    destroyOrphanSecrets(this.#session, new XapiSecrets(this.#session), clock.now(), this.#signal).then(
      (uuids) => uuids.length > 0 && log.info({ secrets: uuids }, 'destroyed secrets that no VM names any more'),
      (error: unknown) => this.#signal.aborted || log.warn({ err: asError(error) }, 'could not look for such secrets'),
    )
  }
}

/** Runs `work` with a signal that aborts after `ms`, and settles then at the latest. */
async function withTimeout(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  let cancel: () => void = () => undefined
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(ms, () => {
      controller.abort()
      resolve()
    })
  })
  await Promise.race([work(controller.signal), late]).finally(cancel)
}

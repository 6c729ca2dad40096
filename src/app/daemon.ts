import { setMaxListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Random } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { asError, DiagnosedError, RefusedError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { retrying } from '../base/retrying.ts'
import { onSchedule } from '../base/schedule.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import { Engine } from '../engine/engine.ts'
import { POOL_KEY } from '../model/pool.ts'
import type { Transport } from '../model/guest.ts'
import type { VmRecord } from '../model/vm.ts'
import { ConnectGate } from '../monitor/connect-gate.ts'
import { Controller } from '../monitor/controller.ts'
import { GuestSession, type Aim } from '../monitor/guest-session.ts'
import { GuestWatch } from '../monitor/guest-watch.ts'
import { OBSERVATIONS } from '../observations/index.ts'
import { Notices } from '../publish/notices.ts'
import { Publisher } from '../publish/publisher.ts'
import { SshTransport } from '../transports/ssh/ssh-transport.ts'
import { hostUuidFrom } from '../xapi/inventory.ts'
import { XapiMessages } from '../xapi/messages.ts'
import { OwnVms } from '../xapi/own-vms.ts'
import { readPoolNetwork } from '../xapi/pool-network.ts'
import { XapiSecrets } from '../xapi/secrets.ts'
import { XapiSession } from '../xapi/session.ts'
import { VmFields } from '../xapi/vm-fields.ts'
import { XapiVmWatch } from '../xapi/vm-watch.ts'
import type { Config } from './config.ts'
import { PoolFacts } from './pool-facts.ts'
import { PoolSshKey } from './pool-ssh-key.ts'

const XAPI_CALL_MS = 20_000
const ENGINE_LIMITS = { callMs: 15_000, replyBytes: 16 * 1024 * 1024, eventLineBytes: 1024 * 1024 }
/** Stale keys of VMs that nobody monitors are looked for at this time of night, besides whenever such a VM changes. */
const SWEEP_SCHEDULE = '0 17 3 * * *'
/** From SIGTERM to the last write, milliseconds; the rest of the 10 s that we promise is for logging out. */
const DRAIN_MS = 7000
const LOGOUT_MS = 1500

export interface DaemonDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The monitor: runs until `signal` aborts, then takes back what it published, logs out and settles. */
export async function runDaemon(config: Config, deps: DaemonDeps, signal: AbortSignal): Promise<void> {
  const hostUuid = hostUuidFrom(await readInventory(config.xapi.inventory), config.xapi.inventory)
  const session = new XapiSession({ ...deps, socketPath: config.xapi.socket, callMs: XAPI_CALL_MS })
  // What is published last must outlive `signal`: it ends with this instead.
  const afterlife = new AbortController()
  // Shared by as many as there are guests: Node takes more than ten listeners for a leak, and says so.
  setMaxListeners(0, signal, afterlife.signal)
  const daemon = new Daemon(config, deps, session, hostUuid, afterlife.signal)
  try {
    await daemon.run(signal)
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
  readonly #hostUuid: string
  readonly #watch: XapiVmWatch
  readonly #publisher: Publisher
  readonly #controller: Controller
  readonly #facts: PoolFacts
  readonly #key: PoolSshKey
  readonly #transport: Transport
  readonly #gate: ConnectGate
  readonly #notices: Notices
  /** Session ticks of the sampling schedule. */
  readonly #samplers = new Set<() => void>()
  #myHost = ''
  #signal = new AbortController().signal

  constructor(config: Config, deps: DaemonDeps, session: XapiSession, hostUuid: string, afterlife: AbortSignal) {
    this.#config = config
    this.#deps = deps
    this.#session = session
    this.#hostUuid = hostUuid
    this.#watch = new XapiVmWatch(
      { ...deps, session },
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
    this.#key = new PoolSshKey(new XapiSecrets(session), afterlife)
    this.#facts = new PoolFacts({
      ...deps,
      read: (inTime) => readPoolNetwork(session, inTime),
      changed: () => this.#enqueueAll(),
    })
    this.#gate = new ConnectGate(deps.clock, config.guest.handshakes)
    this.#transport = this.#newTransport()
    this.#controller = this.#newController()
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const { log, clock, random } = this.#deps
    log.info({ host: this.#hostUuid }, 'starting')
    this.#myHost = await retrying({ clock, random, log }, 'waiting for XAPI', signal, () =>
      findHost(this.#session, this.#hostUuid, signal),
    )
    if (signal.aborted) return
    this.#prepareKey(signal)
    onSchedule(SWEEP_SCHEDULE, () => this.#sweep(), signal)
    const { top_schedule } = this.#config.monitor
    if (top_schedule !== 'off') {
      onSchedule(
        top_schedule,
        () => {
          for (const sample of this.#samplers) sample()
        },
        signal,
      )
    }
    await this.#watch.run((ref) => {
      if (this.#facts.network !== undefined) this.#controller.enqueue(ref)
    }, signal)
  }

  async stop(): Promise<void> {
    this.#deps.log.info('stopping: taking back what was published')
    await withTimeout(this.#deps.clock, DRAIN_MS, async (inTime) => {
      await this.#controller.stop()
      await this.#publisher.drain(inTime)
    })
  }

  #listed(): void {
    this.#publisher.recheckAll()
    this.#facts.refresh(this.#signal, true)
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
  }

  /** The VM if its keys are this host's to write: it runs here, or it runs nowhere. */
  #mine(vm: VmRecord | undefined): VmRecord | undefined {
    return vm?.residentOn === undefined || vm.residentOn === this.#myHost ? vm : undefined
  }

  /** A pool without a key gets one right away, so that it can be put into guests. */
  #prepareKey(signal: AbortSignal): void {
    const { clock, random, log } = this.#deps
    retrying({ clock, random, log }, 'the pool has no usable SSH key', signal, () => this.#key.get()).catch(
      (error: unknown) => log.error({ err: asError(error) }, 'the pool has no usable SSH key'),
    )
  }

  #newTransport(): Transport {
    const { guest } = this.#config
    const ssh = new SshTransport(
      { ...this.#deps, key: () => this.#key.get() },
      { port: guest.ssh_port, connectTimeoutMs: guest.connect_timeout_s * 1000, keepaliveMs: guest.keepalive_s * 1000 },
    )
    return {
      name: ssh.name,
      connect: async (target, signal) => {
        try {
          return await ssh.connect(target, signal)
        } catch (error) {
          // Somebody may have put another key into the pool's secret: XAPI tells nobody about that.
          if (error instanceof DiagnosedError && error.diagnosis.kind === 'auth-refused') this.#key.forget()
          throw error
        }
      },
    }
  }

  #newController(): Controller {
    return new Controller({
      log: this.#deps.log,
      get: (ref) => this.#watch.get(ref),
      place: () => ({ myHost: this.#myHost, amCoordinator: this.#watch.pool()?.coordinator === this.#myHost }),
      poolNetwork: () => this.#facts.network!,
      preferHostInternal: () =>
        /^(1|yes|true|on)$/i.test(this.#watch.pool()?.otherConfig[POOL_KEY.useHostInternal] ?? ''),
      allowLoopback: this.#config.guest.allow_loopback,
      newSession: (vm, aim) => this.#newSession(vm, aim),
      publisher: this.#publisher,
      notices: this.#notices,
    })
  }

  #newSession(vm: VmRecord, aim: Aim): GuestSession {
    const { clock, random } = this.#deps
    const { monitor } = this.#config
    const log = this.#deps.log.child({ vm: vm.uuid })
    this.#facts.refresh(this.#signal)
    const publish = (fields: Readonly<Record<string, string | undefined>>) => this.#publisher.want(vm.ref, fields)
    const watchDeps = {
      clock,
      random,
      log,
      publish,
      observations: OBSERVATIONS,
      onSampling: (tick: () => void, signal: AbortSignal) => {
        this.#samplers.add(tick)
        signal.addEventListener('abort', () => this.#samplers.delete(tick), { once: true })
      },
      resyncMs: monitor.resync_s * 1000,
      valueBudgetBytes: monitor.value_budget_bytes,
    }
    return new GuestSession(
      {
        clock,
        random,
        log,
        gate: this.#gate,
        transport: this.#transport,
        publish,
        notify: (body) => this.#notices.want(vm.uuid, body),
        graceMs: monitor.grace_s * 1000,
        watchGuest: async (link, ready, signal) => {
          const engine = await Engine.open(
            { clock, openStream: (inTime) => link.openStream(inTime) },
            ENGINE_LIMITS,
            signal,
          )
          const watching = new GuestWatch(watchDeps, engine).run(ready, signal)
          const closed = link.closed.then((error): never => {
            throw error ?? new Error('the link was closed')
          })
          return Promise.race([watching, closed])
        },
      },
      aim,
    )
  }
}

async function readInventory(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new RefusedError({
      kind: 'inventory',
      cause: `Cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      cure: 'This daemon runs in dom0 of a XenServer or XCP-ng host, as root; elsewhere name the file in [xapi] inventory',
    })
  }
}

async function findHost(session: XapiSession, uuid: string, signal: AbortSignal): Promise<string> {
  return String(await session.call('host.get_by_uuid', [uuid], signal))
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

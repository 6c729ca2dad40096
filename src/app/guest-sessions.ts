import type { RetryDeps } from '../base/retrying.ts'
import { LargeReplies } from '../engine/large-replies.ts'
import type { Transport } from '../model/guest.ts'
import type { VmRecord } from '../model/vm.ts'
import { ConnectGate } from '../monitor/connect-gate.ts'
import type { Aim } from '../monitor/guest-session.ts'
import type { WatchDeps } from '../monitor/guest-watch.ts'
import { LookTurns } from '../monitor/look-turns.ts'
import { SamplingTurns } from '../monitor/sampling-turns.ts'
import { OBSERVATIONS } from '../observations/index.ts'
import type { Notices } from '../publish/notices.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { Config } from './config.ts'
import { MonitoredGuest } from './monitored-guest.ts'
import { useCompilers } from './node-memory.ts'

/** Requests for the processes of a container, over all guests: some 0.1 % of a core here, and one `ps` each there. */
const SAMPLES_PER_S = 0.5
const SAMPLES_AT_ONCE = 30
/** A hundred guests with some containers each have their processes published at once after a start. */
const FIRST_SAMPLES = 400
/** Engines that are asked at the same time: one answers within some 10 ms, and its answer takes 1 ms to work through. */
const LOOKS_AT_ONCE = 16
/** Silent engines are asked for a sign of life after this, and so rarely that all of them together cost little. */
const SILENCE_MS = 60_000
const PING_EACH_MS = 2000
/** The resyncs of all guests are so far apart on average: each is three requests, of which a long list costs the most. */
const RESYNC_EACH_MS = 2000

export interface GuestSessionsDeps extends RetryDeps {
  readonly transport: Transport
  readonly publisher: Pick<Publisher, 'want'>
  readonly notices: Pick<Notices, 'want'>
}

/** Makes the session of each monitored VM, with everything it needs. */
export class GuestSessions {
  readonly #deps: GuestSessionsDeps
  readonly #config: Config
  readonly #gate: ConnectGate
  readonly #turns: SamplingTurns
  readonly #looks: LookTurns
  readonly #large: LargeReplies

  constructor(deps: GuestSessionsDeps, config: Config) {
    this.#deps = deps
    this.#config = config
    this.#gate = new ConnectGate(deps.clock, config.guest.handshakes)
    this.#looks = new LookTurns(deps.clock, LOOKS_AT_ONCE)
    this.#turns = new SamplingTurns(deps.clock, SAMPLES_PER_S, SAMPLES_AT_ONCE, FIRST_SAMPLES)
    this.#large = new LargeReplies(deps.clock)
  }

  create(vm: VmRecord, aim: Aim): MonitoredGuest {
    useCompilers()
    const { clock, random, transport, publisher, notices } = this.#deps
    const { monitor } = this.#config
    const log = this.#deps.log.child({ vm: vm.uuid })
    const publish = (fields: Readonly<Record<string, string | undefined>>) => publisher.want(vm.ref, fields)
    const unsampled = monitor.top_schedule === 'off' ? OBSERVATIONS.filter(({ cadence }) => cadence === 'sampling') : []
    // An earlier daemon, with another schedule, may have left a sample that nobody would ever renew.
    publish(Object.fromEntries(unsampled.map(({ key }) => [key, undefined])))
    const watchDeps: WatchDeps = {
      clock,
      random,
      log,
      publish,
      observations: OBSERVATIONS.filter((observation) => !unsampled.includes(observation)),
      onSampling: (sampler, signal) => this.#turns.add(sampler, signal),
      inTurn: (signal, look) => this.#looks.pass(signal, look),
      resyncMs: () => Math.max(monitor.resync_s * 1000, RESYNC_EACH_MS * this.#turns.size),
      silenceMs: () => Math.max(SILENCE_MS, PING_EACH_MS * this.#turns.size),
      valueBudgetBytes: monitor.value_budget_bytes,
    }
    return new MonitoredGuest(
      {
        clock,
        random,
        log,
        gate: this.#gate,
        large: this.#large,
        transport,
        publish,
        notify: (body) => notices.want(vm.uuid, body),
        graceMs: monitor.grace_s * 1000,
      },
      watchDeps,
      aim,
    )
  }

  /** Time to sample: each watched guest gets its turn. */
  sample(): void {
    this.#turns.tick()
  }
}

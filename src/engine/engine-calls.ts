import Docker from 'dockerode'
import type { Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { Gate } from '../base/gate.ts'
import { EngineAgent, type OpenStream } from './engine-agent.ts'
import { LargeReplies } from './large-replies.ts'
import { StreamModem, type Dial, type StreamModemDeps } from './stream-modem.ts'

export interface EngineLimits {
  /** A call must be answered whole within this, milliseconds. */
  readonly callMs: number
  /** A longer reply is refused while it is being read, bytes of its body. */
  readonly replyBytes: number
  /** A longer line of the event stream ends the stream, bytes. */
  readonly eventLineBytes: number
}

export interface EngineDeps {
  readonly openStream: OpenStream
  readonly clock: Clock
  /** What the long replies of all engines of this process share; left out: this engine has its own. */
  readonly large?: LargeReplies
}

/** How many of many who ask at once are let through to one engine. Actions may take minutes: no question waits for them. */
const QUESTIONS_AT_ONCE = 8
const ACTIONS_AT_ONCE = 16

/** What all calls to one engine share: the version that is spoken, streams, deadlines and limits. */
export class EngineCalls {
  readonly clock: Clock
  /** As `1.41`; empty until it was negotiated. */
  apiVersion = ''
  product: 'docker' | 'podman' = 'docker'
  isWindows = false
  readonly #limits: EngineLimits
  readonly #large: LargeReplies
  readonly #keeping: EngineAgent
  readonly #closing: EngineAgent
  readonly #questions = new Gate(QUESTIONS_AT_ONCE)
  readonly #actions = new Gate(ACTIONS_AT_ONCE)

  constructor({ clock, openStream, large }: EngineDeps, limits: EngineLimits) {
    this.clock = clock
    this.#large = large ?? new LargeReplies(clock)
    this.#limits = limits
    this.#keeping = new EngineAgent(openStream, true)
    this.#closing = new EngineAgent(openStream, false)
  }

  /** What `ask` gives, by a deadline; `name` is the request's in errors, as `GET /info`. */
  call<T>(
    name: string,
    signal: AbortSignal,
    ask: (docker: Docker, signal: AbortSignal) => Promise<T>,
    ms = this.#limits.callMs,
  ): Promise<T> {
    const late = {
      kind: 'engine-timeout',
      cause: `The container engine did not answer ${name} within ${ms / 1000} s`,
      cure: 'Look in the guest whether the engine hangs (docker ps) or the guest is overloaded',
    }
    const gate = name.startsWith('GET ') ? this.#questions : this.#actions
    return within(this.clock, ms, signal, late, (own) => gate.pass(own, () => ask(this.docker(own), own)))
  }

  /** One modem per call: it carries the call's signal, which dockerode's own methods do not all take. */
  docker(signal: AbortSignal, more: Pick<StreamModemDeps, 'sent' | 'read'> = {}): Docker {
    return new Docker({ modem: this.#modem(signal, more) } as Docker.DockerOptions)
  }

  /** For what dockerode cannot ask for without harm. */
  dial(dial: Dial, signal: AbortSignal): Promise<unknown> {
    return this.#modem(signal).ask(dial)
  }

  #modem(signal: AbortSignal, more: Pick<StreamModemDeps, 'sent' | 'read'> = {}): StreamModem {
    const version = this.apiVersion === '' ? undefined : `v${this.apiVersion}`
    const deps = { keeping: this.#keeping, closing: this.#closing, large: this.#large, signal, ...more }
    return new StreamModem(deps, { replyBytes: this.#limits.replyBytes, version })
  }
}

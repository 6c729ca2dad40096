import type { Clock } from '../../base/clock.ts'
import { cleanForTerminal } from '../../base/text.ts'
import type { XapiSession } from '../../xapi/session.ts'
import type { Config } from '../config.ts'
import type { Terminal } from './terminal.ts'
import type { CliVm } from './vms.ts'

const XAPI_MS = 30_000
/** A plugin on another host may stop a container, which takes as long as that container wants. */
const PLUGIN_MS = 900_000

/** Where the command line writes. Everything it prints has been cleaned of control sequences. */
export interface CliIo {
  out(text: string): void
  err(text: string): void
  readonly terminal: Terminal
}

export interface CliDeps {
  readonly io: CliIo
  readonly clock: Clock
  /** Aborts when the user wants no more. */
  readonly signal: AbortSignal
  /** The configuration file, and whether somebody named it. */
  readonly configPath: string | undefined
}

/** What verbs use, each part made when it is first asked for: most verbs need little, and loading takes time. */
export class CliContext {
  readonly io: CliIo
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly configPath: string | undefined
  readonly #noted = new Set<string>()
  #config: Promise<Config> | undefined
  readonly #sessions = new Map<number, Promise<XapiSession>>()

  constructor({ io, clock, signal, configPath }: CliDeps) {
    this.io = io
    this.clock = clock
    this.signal = signal
    this.configPath = configPath
  }

  config(): Promise<Config> {
    this.#config ??= import('../config.ts').then(({ loadConfig, DEFAULT_CONFIG_PATH }) =>
      loadConfig(this.configPath ?? DEFAULT_CONFIG_PATH, (why) => {
        // Whoever asks by a file that is not there would be told of another pool, or of none.
        if (this.configPath !== undefined) throw why
      }),
    )
    return this.#config
  }

  /** A session with XAPI, ended by `close`; `patient`: for calls of plugins, which may take long. */
  session(patient = false): Promise<XapiSession> {
    const callMs = patient ? PLUGIN_MS : XAPI_MS
    const session = this.#sessions.get(callMs) ?? this.#open(callMs)
    this.#sessions.set(callMs, session)
    return session
  }

  /** The pool's VMs that are offered for container management; with `all` every VM. */
  async vms(all = false): Promise<CliVm[]> {
    const [{ readVms }, session, { xapi }] = await Promise.all([import('./vms.ts'), this.session(), this.config()])
    return readVms(session, xapi.inventory, this.signal, all)
  }

  async vm(word: string, all = false): Promise<CliVm> {
    const { pickVm } = await import('./vms.ts')
    return pickVm(await this.vms(all), word, all)
  }

  /** A note beside what was asked for, once. */
  note(text: string): void {
    if (this.#noted.has(text)) return
    this.#noted.add(text)
    this.io.err(`xscontainer: ${cleanForTerminal(text)}\n`)
  }

  async close(): Promise<void> {
    for (const opening of this.#sessions.values()) {
      const session = await opening.catch(() => undefined)
      await session?.logout(new AbortController().signal)
    }
  }

  async #open(callMs: number): Promise<XapiSession> {
    const [{ XapiSession }, { createLog }, { xapi }] = await Promise.all([
      import('../../xapi/session.ts'),
      import('../../base/log.ts'),
      this.config(),
    ])
    const log = createLog('silent', { write: () => undefined })
    return new XapiSession({ socketPath: xapi.socket, clock: this.clock, log, callMs })
  }
}

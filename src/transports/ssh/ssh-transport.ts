import { isIP } from 'node:net'
import { abortReason, type Clock } from '../../base/clock.ts'
import { linked, within } from '../../base/deadline.ts'
import { RefusedError, type DiagnosedError, type Diagnosis } from '../../base/errors.ts'
import { Gate } from '../../base/gate.ts'
import type { Log } from '../../base/log.ts'
import type { ConnectStage, GuestLink, Target, Transport } from '../../model/guest.ts'
import { dialWith } from './dial.ts'
import { UnreachableError, whereOf } from './errors.ts'
import { findEngine, type LadderContext } from './ladder.ts'
import type { SshObserver, SshStep } from './probe.ts'
import { Keepalive } from './keepalive.ts'
import { keysLogin } from './keys-login.ts'
import type { Login } from './login.ts'
import { RememberedWays } from './remembered-ways.ts'
import type { SshConnection } from './ssh-connection.ts'
import type { SshKey } from './ssh-key.ts'
import { SshLink } from './ssh-link.ts'
import { WorkShare } from './work-share.ts'

export interface SshTransportDeps {
  readonly clock: Clock
  /** The pool's key: asked for at each connect, so keep it parsed. */
  readonly key: () => Promise<SshKey>
  /** The key that guests may still have in place of that one, while the pool's key is being changed. */
  readonly previousKey?: () => Promise<SshKey | undefined>
  readonly log?: Pick<Log, 'debug'>
  /** Told what each connect comes to. */
  readonly observe?: SshObserver
}

export interface SshTransportLimits {
  /** TCP port of sshd in the guests. */
  readonly port: number
  /** For TCP connection, handshake and login together, per address. */
  readonly connectTimeoutMs: number
  /** Time between signs of life; the connection is given up when three go unanswered. */
  readonly keepaliveMs: number
}

/** After the login. A loaded guest that has to be asked and then tries its helpers needs that long. */
const FIND_TIMEOUT_MS = 30_000
/** A pool has some 1,000 VMs. */
const MOST_REMEMBERED = 4096
/** sshd's MaxSessions is 10 by default, and others may use some of them. */
const MOST_SESSIONS = 4

/** Reaches engines through sshd in the guest, with the pool's key. */
export class SshTransport implements Transport {
  readonly name = 'ssh'
  readonly #deps: SshTransportDeps
  readonly #limits: SshTransportLimits
  readonly #ways = new RememberedWays(MOST_REMEMBERED)
  readonly #keepalive: Keepalive
  readonly #work: WorkShare

  constructor(deps: SshTransportDeps, limits: SshTransportLimits) {
    this.#deps = deps
    this.#limits = limits
    this.#keepalive = new Keepalive(deps.clock, limits.keepaliveMs)
    this.#work = new WorkShare(deps.clock)
  }

  /**
   * One dial per address until one is reached, then the search for the engine. Rejects with an UnreachableError or
   * another TransientError when a later try may help, with a RefusedError when somebody has to change something.
   */
  async connect(target: Target, signal: AbortSignal, entered?: (stage: ConnectStage) => void): Promise<GuestLink> {
    const [key, previous] = await linked(signal, () => Promise.all([this.#deps.key(), this.#deps.previousKey?.()]))
    const connection = await this.#reach(target, keysLogin(key, previous), signal, entered)
    entered?.('past-handshake')
    try {
      const link = await this.#findEngine(target, connection, signal)
      if (signal.aborted) throw abortReason(signal)
      this.#keepalive.add(connection)
      void connection.closed.then(() => this.#keepalive.remove(connection))
      return link
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async #reach(
    target: Target,
    login: Login,
    signal: AbortSignal,
    entered?: (stage: ConnectStage) => void,
  ): Promise<SshConnection> {
    const observe = (step: SshStep) => {
      if (step.at === 'banner') entered?.('handshake')
      this.#deps.observe?.(step)
    }
    const misses: UnreachableError[] = []
    for (const address of target.addresses.filter((text) => isIP(text) !== 0)) {
      const { vmUuid, pinnedHostKey } = target
      const where = whereOf(target, address, this.#limits.port)
      const options = { ...where, pinnedHostKey, login, ...this.#limits, observe, work: this.#work }
      try {
        return await dialWith(this.#deps.clock, options, signal)
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error
        entered?.('past-handshake') // a guest that names many silent addresses keeps others waiting for one of them
        this.#deps.log?.debug({ vm: vmUuid, address, kind: error.diagnosis.kind }, 'guest not reached')
        misses.push(error)
      }
    }
    throw unreachable(target, misses)
  }

  async #findEngine(target: Target, connection: SshConnection, signal: AbortSignal): Promise<GuestLink> {
    const { clock, log, observe } = this.#deps
    const { vmUuid, socketPath } = target
    const { address } = connection
    const sessions = new Gate(MOST_SESSIONS)
    const where = whereOf(target, address, this.#limits.port)
    const context: LadderContext = { ...where, clock, connection, sessions, socketPath, observe }
    observe?.({ at: 'search', address })
    const { way, stream } = await within(clock, FIND_TIMEOUT_MS, signal, lateSearch(address), (inner) =>
      findEngine(context, this.#ways.get(vmUuid, socketPath), inner),
    )
    this.#ways.set(vmUuid, way)
    log?.debug({ vm: vmUuid, address, rung: way.rung.name, socket: way.socketPath }, 'engine found')
    return new SshLink(clock, connection, way, sessions, stream)
  }
}

function unreachable(target: Target, misses: readonly UnreachableError[]): DiagnosedError {
  const [first, ...others] = misses
  if (first === undefined) {
    return new RefusedError({
      kind: 'no-address',
      cause: `No IP address is known for VM ${target.vmUuid}`,
      cure: "Install the guest tools so that it reports one, or set the VM's other-config key xscontainer-address",
    })
  }
  if (others.length === 0) return first
  return new UnreachableError({ ...first.diagnosis, cause: misses.map(({ diagnosis }) => diagnosis.cause).join('; ') })
}

function lateSearch(address: string): Diagnosis {
  return {
    kind: 'engine-search-stalled',
    cause: `The login at the guest ${address} works, but it did not lead to an engine in time`,
    cure: 'Check the load of the guest and the log of its sshd',
  }
}

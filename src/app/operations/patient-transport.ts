import { backoff, type Random } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { TransientError } from '../../base/errors.ts'
import type { GuestLink, Target, Transport } from '../../model/guest.ts'
import type { ProcessSlots } from './process-slots.ts'

/** How long others of this host may be in front: fifty processes that dial one guest take some 20 s on two cores. */
const TURN_MS = 45_000
/** How long a guest that turns connections away is tried again. */
const PATIENCE_MS = 20_000
const RETRY_FIRST_MS = 150
const RETRY_CAP_MS = 2000
/** sshd closed the connection before or while it greeted, or within the login: it has too many at the moment. */
const BUSY: ReadonlySet<string> = new Set(['ssh-busy', 'ssh-closed', 'login-cut'])

export interface PatientDeps {
  readonly clock: Clock
  readonly random: Random
  readonly slots: Pick<ProcessSlots, 'pass'>
}

/** For processes that each dial for themselves: they take turns, and try again what an sshd is too busy for. */
export class PatientTransport implements Transport {
  readonly name: string
  readonly #deps: PatientDeps
  readonly #inner: Transport

  constructor(deps: PatientDeps, inner: Transport) {
    this.#deps = deps
    this.#inner = inner
    this.name = inner.name
  }

  async connect(target: Target, signal: AbortSignal): Promise<GuestLink> {
    const { clock, random, slots } = this.#deps
    const delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, random)
    let end = Infinity
    for (;;) {
      try {
        return await slots.pass(target.vmUuid, TURN_MS, signal, () => this.#inner.connect(target, signal))
      } catch (error) {
        end = Math.min(end, clock.monotonic() + PATIENCE_MS)
        const delay = delays.next().value
        if (!isBusy(error) || clock.monotonic() + delay > end) throw error
        await clock.sleep(delay, signal)
      }
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof TransientError && BUSY.has(error.diagnosis.kind)
}

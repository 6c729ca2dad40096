import { backoff, type Random } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { TransientError } from '../../base/errors.ts'
import type { GuestLink, Target, Transport } from '../../model/guest.ts'
import type { DialSlots } from './dial-slots.ts'

/** How long a guest that turns connections away is tried again, milliseconds. */
const PATIENCE_MS = 20_000
const RETRY_FIRST_MS = 150
const RETRY_CAP_MS = 2000
/** sshd closed the connection before or while it greeted, or within the login: it has too many at the moment. */
const BUSY: ReadonlySet<string> = new Set(['ssh-busy', 'ssh-closed', 'login-cut'])

export interface PatientDeps {
  readonly clock: Clock
  readonly random: Random
  readonly slots: Pick<DialSlots, 'pass'>
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
    const end = clock.monotonic() + PATIENCE_MS
    const delays = backoff(RETRY_FIRST_MS, RETRY_CAP_MS, random)
    for (;;) {
      try {
        const left = end - clock.monotonic()
        return await slots.pass(target.vmUuid, left, signal, () => this.#inner.connect(target, signal))
      } catch (error) {
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

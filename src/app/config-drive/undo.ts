import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { asError, diagnosisOf, TransientError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'

/** One step back may take as long as storage takes to let go. */
const STEP_MS = 60_000

interface Step {
  /** What is left when it cannot be taken back, and how to get rid of it by hand. */
  readonly leftover: string
  readonly takeBack: (signal: AbortSignal) => Promise<void>
}

/** What has been done so far, to be taken back in reverse order when the rest fails. */
export class Undo {
  readonly #deps: { readonly clock: Clock; readonly log: Log }
  readonly #steps: Step[] = []

  constructor(deps: { readonly clock: Clock; readonly log: Log }) {
    this.#deps = deps
  }

  /** `leftover` names what stays when it cannot be taken back, with the command that removes it. */
  add(leftover: string, takeBack: (signal: AbortSignal) => Promise<void>): void {
    this.#steps.push({ leftover, takeBack })
  }

  /**
   * Takes all back, whatever the signal of the work says, and gives the error to throw: `cause`, which names what could
   * not be taken back.
   */
  async after(cause: unknown): Promise<unknown> {
    const left: string[] = []
    for (const { leftover, takeBack } of this.#steps.splice(0).reverse()) {
      try {
        await this.#step(takeBack)
      } catch (error) {
        this.#deps.log.warn({ err: asError(error), left: leftover }, 'could not be taken back')
        left.push(leftover)
      }
    }
    return left.length === 0 ? cause : named(cause, left)
  }

  #step(takeBack: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const late = { kind: 'undo-late', cause: 'Taking it back took too long', cure: 'Take it back by hand' }
    return within(this.#deps.clock, STEP_MS, new AbortController().signal, late, takeBack)
  }
}

function named(cause: unknown, left: readonly string[]): TransientError {
  const { kind, ...diagnosis } = diagnosisOf(cause)
  return new TransientError(
    {
      kind,
      cause: `${diagnosis.cause}. This is left of it: ${left.join('; ')}`,
      cure: `${diagnosis.cure}. The next config drive that is made for this VM tidies up`,
    },
    { cause },
  )
}

import type { Clock } from '../base/clock.ts'
import { diagnosisOf, type Diagnosis } from '../base/errors.ts'

/** One part of the way to an engine, or of this host's set-up, and whether it is in order. */
export interface DiagnoseStep {
  /** Short stable word, e.g. `host-key`. */
  readonly name: string
  /** The same for people. */
  readonly title: string
  /** `skipped`: a step before it failed, so that nothing can be said. */
  readonly state: 'ok' | 'failed' | 'skipped'
  /** How long it took, milliseconds; null when it was skipped. */
  readonly ms: number | null
  /** What was found. */
  readonly detail: string
  /** Why it failed and what to do, in the words of xscontainer-status; null unless it failed. */
  readonly diagnosis: Diagnosis | null
}

/** All steps, in their order. */
export interface DiagnoseReport {
  /** No step failed. */
  readonly ok: boolean
  /** What was examined. */
  readonly subject: Readonly<Record<string, string | null>>
  readonly steps: readonly DiagnoseStep[]
}

/** Name and title of each step, in their order. */
export type StepTitles = readonly (readonly [name: string, title: string])[]

type Mutable = { -readonly [K in keyof DiagnoseStep]: DiagnoseStep[K] }

/** Writes down steps as they are taken. A step that is never entered stays `skipped`. */
export class StepRecorder {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #steps: readonly Mutable[]
  #current: Mutable | undefined
  #enteredAt = 0

  constructor(clock: Pick<Clock, 'monotonic'>, titles: StepTitles) {
    this.#clock = clock
    this.#steps = titles.map(([name, title]) => ({
      name,
      title,
      state: 'skipped',
      ms: null,
      detail: '',
      diagnosis: null,
    }))
  }

  /** Milliseconds on a clock that never jumps. */
  now(): number {
    return this.#clock.monotonic()
  }

  /** A step begins, or began `at` some moment; the one before it went well, if it was still under way. */
  enter(name: string, at = this.now()): void {
    if (this.#current?.name === name) return
    this.#end('ok', null, at)
    this.#current = this.#steps.find((step) => step.name === name)
    this.#enteredAt = at
  }

  /** What a step, the current one by default, has found. */
  note(detail: string, name = this.#current?.name): void {
    const step = this.#steps.find((one) => one.name === name)
    if (step !== undefined) step.detail = detail
  }

  done(): void {
    this.#end('ok', null, this.now())
  }

  /** The current step failed. */
  fail(error: unknown): void {
    this.#end('failed', diagnosisOf(error), this.now())
  }

  report(subject: DiagnoseReport['subject']): DiagnoseReport {
    return { ok: this.#steps.every(({ state }) => state !== 'failed'), subject, steps: this.#steps }
  }

  #end(state: 'ok' | 'failed', diagnosis: Diagnosis | null, at: number): void {
    const step = this.#current
    this.#current = undefined
    if (step === undefined) return
    Object.assign(step, { state, ms: Math.round((at - this.#enteredAt) * 10) / 10, diagnosis })
  }
}

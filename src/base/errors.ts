/**
 * Errors by what the caller should do about them. Code decides on the class, never on message text.
 * Each carries a diagnosis in two sentences that a user can read: the cause, and the cure.
 */
export interface Diagnosis {
  /** Short stable word for tests, JSON and grouping, e.g. `host-key-changed`. */
  readonly kind: string
  /** What happened, to whom; one sentence without a full stop at its end. */
  readonly cause: string
  /** What the administrator can do; one sentence without a full stop at its end. */
  readonly cure: string
}

/** Anything that went wrong outside of this process and that a user may read about. */
export abstract class DiagnosedError extends Error {
  readonly diagnosis: Diagnosis
  constructor(diagnosis: Diagnosis, options?: ErrorOptions) {
    super(`${diagnosis.cause}. ${diagnosis.cure}`, options)
    this.diagnosis = diagnosis
    this.name = new.target.name
  }
}

/** May go away by itself: try again soon, with back-off. */
export class TransientError extends DiagnosedError {}

/** The other side said no (bad key, changed host key, no engine): somebody has to change something first. */
export class RefusedError extends DiagnosedError {}

/** A deadline passed before the work was done. */
export class DeadlineError extends TransientError {}

/** This process is stopping, or the work is no longer wanted. Never shown to users. */
export class StoppedError extends Error {
  constructor(why = 'no longer wanted') {
    super(why)
    this.name = 'StoppedError'
  }
}

/** The diagnosis of any error; what is not diagnosed is a defect of ours and says so. */
export function diagnosisOf(error: unknown): Diagnosis {
  if (error instanceof DiagnosedError) return error.diagnosis
  if (error instanceof StoppedError) return { kind: 'stopped', cause: 'It was interrupted', cure: 'Run it again' }
  const text = error instanceof Error ? error.message : String(error)
  return {
    kind: 'defect',
    cause: `Unexpected error: ${text}`,
    cure: 'Please report this with /var/log/xscontainer.log',
  }
}

/** The error, or an Error that wraps a thrown non-error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

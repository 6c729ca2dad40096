import { diagnosisOf, RefusedError, StoppedError, TransientError, type DiagnosedError } from '../base/errors.ts'
import { notUnderstood } from './frame.ts'
import type { ControlError } from './message.ts'

const MOST_TEXT = 16 * 1024

/** An error as it crosses the socket. */
export function toControlError(error: unknown): ControlError {
  if (error instanceof StoppedError) return toControlError(stopping())
  const type = error instanceof Error ? error.name : 'Error'
  const { kind, cause, cure } = diagnosisOf(error)
  const transient = error instanceof TransientError
  return { type, transient, diagnosis: { kind, cause: cause.slice(0, MOST_TEXT), cure: cure.slice(0, MOST_TEXT) } }
}

/** The daemon's error as an error here: of the class that says what to do about it, with the name that it had there. */
export function fromControlError(error: unknown): DiagnosedError {
  const { type, transient, diagnosis } = record(error)
  const { kind, cause, cure } = record(diagnosis)
  if (typeof type !== 'string' || typeof kind !== 'string' || typeof cause !== 'string' || typeof cure !== 'string')
    return notUnderstood('a failure of another shape')
  const made = transient === true ? new TransientError({ kind, cause, cure }) : new RefusedError({ kind, cause, cure })
  made.name = type
  return made
}

function stopping(): TransientError {
  return new TransientError({
    kind: 'daemon-stopping',
    cause: 'The monitor is being stopped and does not finish what it was asked for',
    cure: 'Try again once it runs: systemctl status xscontainer-monitor',
  })
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

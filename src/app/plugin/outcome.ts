import { asError, diagnosisOf } from '../../base/errors.ts'

/** How a call of the plugin ended: with a text, or as a failure of XAPI's, a code and its parameters. */
export type Outcome = { readonly value: string } | { readonly failure: readonly string[] }

/** Clients look for this word, cut it off, and show everything else as an error. */
const DONE = 'True'

export function success(payload: string): Outcome {
  return { value: DONE + payload }
}

export function unknownFunction(fn: string): Outcome {
  return { failure: ['UNKNOWN_XENAPI_PLUGIN_FUNCTION', fn] }
}

/** What users get to read of any error: its class, and what happened and what to do. */
export function failureOf(fn: string, thrown: unknown): Outcome {
  const { cause, cure } = diagnosisOf(thrown)
  return { failure: ['XENAPI_PLUGIN_FAILURE', fn, asError(thrown).name, `${cause}. ${cure}`] }
}

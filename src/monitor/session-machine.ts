import type { Diagnosis } from '../base/errors.ts'

/** Where one guest's monitoring stands. `sinceMs` is wall-clock time, for people to read. */
export interface SessionState {
  readonly at: 'connecting' | 'monitored' | 'failed'
  readonly sinceMs: number
  /** Why it failed; only in `failed`. */
  readonly diagnosis: Diagnosis | undefined
  /** What ended the last good link; only in `connecting`. It is the best that is known until an attempt has failed. */
  readonly lostTo?: Diagnosis
  /** The grace is over: what was published has been taken back and the administrator told. */
  readonly givenUp: boolean
}

export type SessionInput =
  | { readonly type: 'ready' }
  /** An attempt came to nothing. */
  | { readonly type: 'failed'; readonly diagnosis: Diagnosis }
  /** The link broke after it had been good; `why` where that is known. */
  | { readonly type: 'lost'; readonly why?: Diagnosis }
  /** Not monitored for the whole grace. */
  | { readonly type: 'grace-over' }

export type SessionEffect =
  | { readonly type: 'status'; readonly line: string }
  | { readonly type: 'wipe' }
  | { readonly type: 'raise-message'; readonly body: string }
  | { readonly type: 'clear-message' }

export interface Step {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

const NO_ANSWER_YET: Diagnosis = {
  kind: 'no-answer',
  cause: 'The guest has not answered yet',
  cure: 'Check that the VM has started and that its network works',
}

export function startSession(nowMs: number): Step {
  return entered({ at: 'connecting', sinceMs: nowMs, diagnosis: undefined, givenUp: false })
}

/** The next state and what has to be done, with the status line whenever that changes. */
export function stepSession(state: SessionState, input: SessionInput, nowMs: number): Step {
  switch (input.type) {
    case 'ready':
      if (state.at === 'monitored') return { state, effects: [] }
      return entered(
        { at: 'monitored', sinceMs: nowMs, diagnosis: undefined, givenUp: false },
        { type: 'clear-message' },
      )
    case 'lost': {
      const lostTo = input.why === undefined ? {} : { lostTo: input.why }
      return entered({ at: 'connecting', sinceMs: nowMs, diagnosis: undefined, givenUp: state.givenUp, ...lostTo })
    }
    case 'failed':
      return entered(failed(state, input.diagnosis, nowMs))
    case 'grace-over': {
      if (state.at === 'monitored' || state.givenUp) return { state, effects: [] }
      const given = { ...failed(state, state.diagnosis ?? state.lostTo ?? NO_ANSWER_YET, nowMs), givenUp: true }
      return entered(given, { type: 'wipe' }, { type: 'raise-message', body: sentence(given.diagnosis) })
    }
  }
}

/** The value of `xscontainer-status`: one line, the same text as long as the state is the same. */
export function statusLine(state: SessionState): string {
  const since = new Date(state.sinceMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return state.diagnosis === undefined
    ? `${state.at} since ${since}`
    : `${state.at} since ${since}: ${sentence(state.diagnosis)}`
}

/** `since` stays when the cause changes: it tells how long the guest has been out of reach. */
function failed(state: SessionState, diagnosis: Diagnosis, nowMs: number) {
  const sinceMs = state.at === 'failed' ? state.sinceMs : nowMs
  return { at: 'failed', sinceMs, diagnosis, givenUp: state.givenUp } as const
}

function entered(state: SessionState, ...effects: SessionEffect[]): Step {
  return { state, effects: [...effects, { type: 'status', line: statusLine(state) }] }
}

function sentence({ cause, cure }: Diagnosis): string {
  return `${cause}. ${cure}`.replace(/\s+/g, ' ')
}

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  startSession,
  statusLine,
  stepSession,
  type SessionInput,
  type SessionState,
} from '../../src/monitor/session-machine.ts'
import { holds } from '../fuzz/holds.ts'

const T0 = Date.parse('2026-11-22T10:00:00.500Z')
const NO_KEY = { kind: 'auth-refused', cause: 'The guest refused the key', cure: 'Install it' }
const NO_USER = { kind: 'no-user', cause: 'There is no user core', cure: 'Set xscontainer-username' }

const READY: SessionInput = { type: 'ready' }
const LOST: SessionInput = { type: 'lost' }
const GRACE: SessionInput = { type: 'grace-over' }
const failed = (diagnosis = NO_KEY): SessionInput => ({ type: 'failed', diagnosis })

/** Runs inputs one minute apart; what each brought, short: its status line and its other effects. */
function run(...inputs: SessionInput[]): string[][] {
  let { state } = startSession(T0)
  return inputs.map((input, i) => {
    const step = stepSession(state, input, T0 + (i + 1) * 60_000)
    state = step.state
    return step.effects.map((effect) =>
      effect.type === 'status' ? effect.line : effect.type === 'raise-message' ? `raise: ${effect.body}` : effect.type,
    )
  })
}

describe('the status line', () => {
  test('at the start', () => {
    const { state, effects } = startSession(T0)
    expect(effects).toEqual([{ type: 'status', line: 'connecting since 2026-11-22T10:00:00Z' }])
    expect(statusLine(state)).toBe('connecting since 2026-11-22T10:00:00Z')
  })

  test.each<[string, SessionInput[], string[][]]>([
    ['ready', [READY], [['clear-message', 'monitored since 2026-11-22T10:01:00Z']]],
    ['ready again changes nothing', [READY, READY], [['clear-message', 'monitored since 2026-11-22T10:01:00Z'], []]],
    [
      'a failure, the same again, another',
      [failed(), failed(), failed(NO_USER)],
      [
        ['failed since 2026-11-22T10:01:00Z: The guest refused the key. Install it'],
        ['failed since 2026-11-22T10:01:00Z: The guest refused the key. Install it'],
        ['failed since 2026-11-22T10:01:00Z: There is no user core. Set xscontainer-username'],
      ],
    ],
    [
      'lost, then back within the grace',
      [READY, LOST, READY, GRACE],
      [
        ['clear-message', 'monitored since 2026-11-22T10:01:00Z'],
        ['connecting since 2026-11-22T10:02:00Z'],
        ['clear-message', 'monitored since 2026-11-22T10:03:00Z'],
        [],
      ],
    ],
    [
      'failed for the whole grace: wiped and told, once',
      [failed(), GRACE, GRACE, failed(NO_USER)],
      [
        ['failed since 2026-11-22T10:01:00Z: The guest refused the key. Install it'],
        [
          'wipe',
          'raise: The guest refused the key. Install it',
          'failed since 2026-11-22T10:01:00Z: The guest refused the key. Install it',
        ],
        [],
        ['failed since 2026-11-22T10:01:00Z: There is no user core. Set xscontainer-username'],
      ],
    ],
    [
      'no answer at all for the whole grace',
      [GRACE],
      [
        [
          'wipe',
          'raise: The guest has not answered yet. Check that the VM has started and that its network works',
          'failed since 2026-11-22T10:01:00Z: The guest has not answered yet. Check that the VM has started and that its network works',
        ],
      ],
    ],
    [
      'lost, and no attempt has come to an end since: what ended the link is told',
      [READY, { type: 'lost', why: NO_USER }, GRACE],
      [
        ['clear-message', 'monitored since 2026-11-22T10:01:00Z'],
        ['connecting since 2026-11-22T10:02:00Z'],
        [
          'wipe',
          'raise: There is no user core. Set xscontainer-username',
          'failed since 2026-11-22T10:03:00Z: There is no user core. Set xscontainer-username',
        ],
      ],
    ],
    [
      'lost and given up, then back: the message goes',
      [READY, LOST, failed(), GRACE, READY],
      [
        ['clear-message', 'monitored since 2026-11-22T10:01:00Z'],
        ['connecting since 2026-11-22T10:02:00Z'],
        ['failed since 2026-11-22T10:03:00Z: The guest refused the key. Install it'],
        [
          'wipe',
          'raise: The guest refused the key. Install it',
          'failed since 2026-11-22T10:03:00Z: The guest refused the key. Install it',
        ],
        ['clear-message', 'monitored since 2026-11-22T10:05:00Z'],
      ],
    ],
  ])('%s', (_, inputs, effects) => {
    expect(run(...inputs)).toEqual(effects)
  })

  test('is one line, whatever the diagnosis says', () => {
    const [effects] = run(failed({ kind: 'x', cause: 'a\nb\r\n  c', cure: 'd\te' }))
    expect(effects).toEqual(['failed since 2026-11-22T10:01:00Z: a b c. d e'])
  })
})

test('in every order: documents are wiped once per loss at most, and a message is there only while wiped', () => {
  const inputs = fc.array(fc.constantFrom<SessionInput>(READY, LOST, GRACE, failed(), failed(NO_USER)), {
    maxLength: 30,
  })
  holds(
    fc.property(inputs, (list) => {
      let { state }: { state: SessionState } = startSession(T0)
      let wiped = false
      let line = statusLine(state)
      for (const [i, input] of list.entries()) {
        const step = stepSession(state, input, T0 + i)
        for (const effect of step.effects) {
          if (effect.type === 'wipe') {
            expect(wiped).toBe(false)
            wiped = true
          }
          if (effect.type === 'raise-message') expect(wiped).toBe(true)
          if (effect.type === 'clear-message') wiped = false
          if (effect.type === 'status') line = effect.line
        }
        state = step.state
        // What was last told is what holds, always.
        expect(line).toBe(statusLine(state))
        expect(state.at === 'failed').toBe(state.diagnosis !== undefined)
        if (state.at === 'monitored') expect(wiped).toBe(false)
      }
    }),
  )
})

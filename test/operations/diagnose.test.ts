import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { StepRecorder } from '../../src/operations/diagnose.ts'

const TITLES = [
  ['a', 'first'],
  ['b', 'second'],
  ['c', 'third'],
] as const

function recorder() {
  const time = { now: 1000 }
  return { time, steps: new StepRecorder({ monotonic: () => time.now }, TITLES) }
}

const states = (steps: StepRecorder) => steps.report({}).steps.map(({ state, ms }) => [state, ms])

describe('StepRecorder', () => {
  test('what was not entered is skipped', () => {
    const { steps } = recorder()
    expect(states(steps)).toEqual(Array(3).fill(['skipped', null]))
    expect(steps.report({ vm: 'x' })).toMatchObject({ ok: true, subject: { vm: 'x' } })
  })

  test('a step is done when the next is entered, and timed', () => {
    const { steps, time } = recorder()
    steps.enter('a')
    time.now += 12.34
    steps.enter('b')
    time.now += 5
    steps.enter('b')
    time.now += 5
    steps.done()
    expect(states(steps)).toEqual([
      ['ok', 12.3],
      ['ok', 10],
      ['skipped', null],
    ])
  })

  test('a step may have begun before it is known that it has', () => {
    const { steps, time } = recorder()
    steps.enter('a')
    time.now += 100
    steps.enter('b', 1030)
    steps.done()
    expect(states(steps).slice(0, 2)).toEqual([
      ['ok', 30],
      ['ok', 70],
    ])
  })

  test('a failure carries its diagnosis, in the words of the error; others stay as they are', () => {
    const { steps, time } = recorder()
    steps.enter('a')
    steps.note('found')
    steps.enter('b')
    steps.note('later', 'a')
    time.now += 1
    const error = new RefusedError({ kind: 'k', cause: 'It broke', cure: 'Mend it' })
    steps.fail(error)
    steps.fail(new Error('nobody is there to fail'))
    const report = steps.report({})
    expect(report.ok).toBe(false)
    expect(report.steps[0]).toMatchObject({ state: 'ok', detail: 'later', diagnosis: null })
    expect(report.steps[1]).toEqual({
      name: 'b', title: 'second', state: 'failed', ms: 1, detail: '', diagnosis: error.diagnosis,
    }) // prettier-ignore
    expect(report.steps[2]?.state).toBe('skipped')
  })

  test('what nobody expected is told as a defect', () => {
    const { steps } = recorder()
    steps.enter('c')
    steps.fail(new Error('oops'))
    expect(steps.report({}).steps[2]?.diagnosis).toMatchObject({ kind: 'defect', cause: 'Unexpected error: oops' })
  })
})

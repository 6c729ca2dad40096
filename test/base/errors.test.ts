import { expect, test } from 'vitest'
import {
  asError,
  DeadlineError,
  diagnosisOf,
  RefusedError,
  StoppedError,
  TransientError,
} from '../../src/base/errors.ts'

const WHY = { kind: 'no-key', cause: 'The guest refused the key', cure: 'Install it' }

test('what a user reads is cause and cure, what code reads is the class', () => {
  const error = new RefusedError(WHY, { cause: new Error('inner') })
  expect([error.message, error.name, diagnosisOf(error)]).toEqual([
    'The guest refused the key. Install it',
    'RefusedError',
    WHY,
  ])
  expect(error).not.toBeInstanceOf(TransientError)
  expect(new DeadlineError(WHY)).toBeInstanceOf(TransientError)
  expect(new StoppedError().name).toBe('StoppedError')
})

test('what nobody has diagnosed is a defect, and says so', () => {
  expect(diagnosisOf(new TypeError('x is undefined'))).toMatchObject({
    kind: 'defect',
    cause: 'Unexpected error: x is undefined',
  })
  expect(diagnosisOf('text')).toMatchObject({ kind: 'defect', cause: 'Unexpected error: text' })
})

test('what is thrown is always an error in the end', () => {
  const error = new Error('mine')
  expect(asError(error)).toBe(error)
  expect(asError(undefined).message).toBe('undefined')
})

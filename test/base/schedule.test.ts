import { expect, test } from 'vitest'
import { isSchedule, onSchedule } from '../../src/base/schedule.ts'

test.each([
  ['0 * * * * *', true],
  ['*/15 * * * *', true],
  ['0 17 3 * * 1-5', true],
  ['', false],
  ['every minute', false],
  ['61 * * * * *', false],
  ['0 0 0 0 0 0 0 0', false],
])('%j is understood: %s', (expression, understood) => {
  expect(isSchedule(expression)).toBe(understood)
})

test('ticks until aborted, and not after', async () => {
  const controller = new AbortController()
  let ticks = 0
  await new Promise<void>((ticked) => {
    onSchedule(
      '* * * * * *',
      () => {
        ticks++
        ticked()
      },
      controller.signal,
    )
  })
  controller.abort()
  const before = ticks
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(ticks).toBe(before)
})

test('a schedule under an aborted signal never ticks', async () => {
  let ticks = 0
  onSchedule('* * * * * *', () => ticks++, AbortSignal.abort())
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(ticks).toBe(0)
})

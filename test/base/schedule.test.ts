import { describe, expect, onTestFinished, test, vi } from 'vitest'
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

describe('a clock that is set', () => {
  const START = Date.parse('2026-01-01T12:00:30Z')
  const MINUTE = 60_000
  const YEAR = 365 * 24 * 60 * MINUTE

  /** Counts the ticks of a schedule on a clock that the test sets. */
  function counted(expression: string): { ticks: number } {
    vi.useFakeTimers({ now: START, toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    const stop = new AbortController()
    onTestFinished(() => {
      stop.abort()
      vi.useRealTimers()
    })
    const count = { ticks: 0 }
    onSchedule(expression, () => count.ticks++, stop.signal)
    return count
  }

  test('ticks by the clock as long as nobody touches it', () => {
    const count = counted('0 * * * * *')
    vi.advanceTimersByTime(29_000)
    expect(count.ticks).toBe(0)
    vi.advanceTimersByTime(2000)
    expect(count.ticks).toBe(1)
    vi.advanceTimersByTime(10 * MINUTE)
    expect(count.ticks).toBe(11)
  })

  test('set back by a year: the next tick comes within two minutes', () => {
    const count = counted('0 * * * * *')
    vi.advanceTimersByTime(MINUTE)
    vi.setSystemTime(START - YEAR)
    count.ticks = 0
    vi.advanceTimersByTime(2 * MINUTE)
    expect(count.ticks).toBeGreaterThanOrEqual(1)
    expect(count.ticks).toBeLessThanOrEqual(2)
  })

  test('set forward by 25 years, as where the battery is empty: what was missed counts once, and costs nothing', () => {
    const count = counted('*/2 * * * * *')
    vi.advanceTimersByTime(10_000)
    vi.setSystemTime(START + 25 * YEAR)
    count.ticks = 0
    vi.advanceTimersByTime(20_000)
    expect(count.ticks).toBeGreaterThanOrEqual(9)
    expect(count.ticks).toBeLessThanOrEqual(12)
  })

  test('a time of night that the clock was set past is not left out', () => {
    const count = counted('0 17 3 * * *')
    vi.setSystemTime(Date.parse('2026-01-02T05:00:00Z'))
    vi.advanceTimersByTime(MINUTE)
    expect(count.ticks).toBe(1)
  })
})

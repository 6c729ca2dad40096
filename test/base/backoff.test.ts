import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoff } from '../../src/base/backoff.ts'
import { holds } from '../fuzz/holds.ts'

function first(count: number, delays: Generator<number, never>): number[] {
  return Array.from({ length: count }, () => delays.next().value)
}

test('doubles from the first delay to the cap and stays there', () => {
  expect(
    first(
      7,
      backoff(500, 10_000, () => 1),
    ),
  ).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
})

test('the lowest draw takes a quarter off each step', () => {
  expect(
    first(
      4,
      backoff(1000, 4000, () => 0),
    ),
  ).toEqual([750, 1500, 3000, 3000])
})

test('every delay is between 75 and 100 % of its step and never above the cap', () => {
  holds(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 60_000 }),
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 12, maxLength: 12 }),
      (firstMs, capMs, draws) => {
        let draw = 0
        for (const [i, delay] of first(
          12,
          backoff(firstMs, capMs, () => draws[draw++]!),
        ).entries()) {
          const step = Math.min(firstMs * 2 ** i, capMs)
          expect(delay).toBeGreaterThanOrEqual(Math.floor(step * 0.75))
          expect(delay).toBeLessThanOrEqual(Math.min(step, capMs))
        }
      },
    ),
  )
})

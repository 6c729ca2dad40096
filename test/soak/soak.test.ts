import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { FAULT_NAMES } from './faults.ts'
import { planRound, seeded } from './plan.ts'
import { Soak } from './soak.ts'

const LIMITS = { seconds: 60, faults: FAULT_NAMES, longestMs: 30_000, everyMs: 600 }

test('a seed always gives the same faults, every kind of them, and none that outlasts the round', () => {
  const [one, same, other] = [seeded(7), seeded(7), seeded(8)].map((random) => planRound(random, LIMITS))
  expect(one).toEqual(same)
  expect(one).not.toEqual(other)
  expect(new Set(one!.map(({ fault }) => fault)).size).toBe(FAULT_NAMES.length)
  for (const { atMs, forMs } of one!) expect(atMs + forMs).toBeLessThanOrEqual(60_500)
})

test('a short soak: all is right again after every kind of fault', { timeout: 240_000 }, async () => {
  const seed = Number(process.env['SOAK_SEED'] ?? randomInt(2 ** 31))
  const wish = {
    seed,
    guests: 14,
    realGuests: 0,
    seconds: 1,
    roundSeconds: 12,
    longestMs: 5000,
    everyMs: 400,
    boundS: 90,
  }
  const { injected, recoveriesMs } = await Soak.run(wish)
  expect(recoveriesMs).toHaveLength(1)
  expect(Object.keys(injected).length).toBeGreaterThan(FAULT_NAMES.length / 2)
})

import { expect, test } from 'vitest'
import { Spend } from '../../src/publish/spend.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

test('counts what was written and how long it waited, in the last minute and in the last hour', async () => {
  const clock = new FakeClock()
  const spend = new Spend(clock)
  expect(spend.last(60)).toEqual({ calls: 0, bytes: 0, longestWaitMs: 0 })
  spend.wrote(4, 1000)
  spend.waited(700)
  await clock.advance(60_000)
  spend.wrote(2, 10)
  spend.wrote(1, 5)
  spend.waited(20)
  spend.waited(10)
  expect(spend.last(1)).toEqual({ calls: 3, bytes: 15, longestWaitMs: 20 })
  expect(spend.last(60)).toEqual({ calls: 7, bytes: 1015, longestWaitMs: 700 })
})

test('forgets what is older than an hour, however much was written', async () => {
  const clock = new FakeClock()
  const spend = new Spend(clock)
  for (let minute = 0; minute < 200; minute++) {
    spend.wrote(1, 1)
    await clock.advance(60_000)
  }
  // The minute that has just begun has none yet.
  expect(spend.last(60).calls).toBe(59)
  await clock.advance(30 * 60_000)
  expect(spend.last(60).calls).toBe(29)
  await clock.advance(60 * 60_000)
  expect(spend.last(60).calls).toBe(0)
})

import { expect, test } from 'vitest'
import { SamplingTurns } from '../../src/monitor/sampling-turns.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'

/** Each guest's own, as long as it is connected. */
const connected = () => new AbortController().signal

/** Guests that have had their first turns; the budget is as after a quiet time. */
async function world(guests: number, containers: number) {
  const clock = new FakeClock()
  const turns = new SamplingTurns(clock, 2, 10, 10)
  const sampled: number[] = []
  const gone = Array.from({ length: guests }, () => new AbortController())
  for (let i = 0; i < guests; i++) {
    turns.add({ sample: () => sampled.push(i), cost: () => containers }, gone[i]!.signal)
  }
  for (let s = 0; s < guests * containers; s++) await clock.advance(1000)
  expect(sampled).toHaveLength(guests)
  sampled.length = 0
  return { clock, turns, sampled, gone }
}

test('few containers are sampled at once', async () => {
  const { turns, sampled } = await world(5, 2)
  turns.tick()
  await settle()
  expect(sampled).toEqual([0, 1, 2, 3, 4])
})

test('guests without running containers cost nothing and never wait', async () => {
  const { turns, sampled } = await world(1000, 0)
  turns.tick()
  await settle()
  expect(sampled).toHaveLength(1000)
})

test('many containers take turns within the budget, and a further tick queues nobody twice', async () => {
  const { clock, turns, sampled } = await world(20, 4)
  turns.tick()
  await settle()
  expect(sampled).toEqual([0, 1, 2])
  turns.tick()
  for (let s = 0; s < 20; s++) await clock.advance(1000)
  expect(sampled.length).toBeGreaterThanOrEqual(12)
  expect(sampled.length).toBeLessThanOrEqual(14)
  for (let s = 0; s < 60; s++) await clock.advance(1000)
  // The second tick put those at the end of the queue again that had had their turn before it.
  expect(sampled.slice(0, 23)).toEqual([...Array.from({ length: 20 }, (_, i) => i), 0, 1, 2])
  expect(sampled).toHaveLength(23)
})

test('guests that are connected at the same time take turns too: a cold start is no storm of samples', async () => {
  const clock = new FakeClock()
  const turns = new SamplingTurns(clock, 2, 10, 10)
  const sampled: number[] = []
  for (let i = 0; i < 100; i++) turns.add({ sample: () => sampled.push(i), cost: () => 20 }, connected())
  expect(sampled).toEqual([0])
  for (let s = 0; s < 50; s++) await clock.advance(1000)
  expect(sampled.length).toBeGreaterThanOrEqual(5)
  expect(sampled.length).toBeLessThanOrEqual(7)
  expect(sampled).toEqual(sampled.map((_, i) => i))
})

test('as many as the budget of first samples allows are sampled as soon as they are connected, whoever waits', async () => {
  const clock = new FakeClock()
  const turns = new SamplingTurns(clock, 2, 10, 300)
  const sampled: number[] = []
  for (let i = 0; i < 100; i++) turns.add({ sample: () => sampled.push(i), cost: () => 3 }, connected())
  expect(sampled).toHaveLength(100)
  turns.add({ sample: () => sampled.push(100), cost: () => 3 }, connected())
  expect(sampled).toHaveLength(100)
  await clock.advance(2000)
  expect(sampled).toHaveLength(101)
})

test('a guest that is gone gets no turn, and when all are, nothing is left', async () => {
  const { clock, turns, sampled, gone } = await world(10, 10)
  turns.tick()
  await settle()
  gone[1]!.abort()
  await clock.advance(30_000)
  expect(sampled).not.toContain(1)
  const before = sampled.length
  for (const each of gone) each.abort()
  await clock.advance(60_000)
  expect(sampled).toHaveLength(before)
  expect([turns.size, clock.pending]).toEqual([0, 0])
})

test('a guest that claims to run thousands of containers holds the others up for two minutes at most', async () => {
  const { clock, turns, sampled } = await world(2, 2000)
  turns.tick()
  await settle()
  expect(sampled).toEqual([0])
  await clock.advance(120_000)
  expect(sampled).toEqual([0, 1])
})

import { expect, test } from 'vitest'
import { TokenBucket } from '../../src/base/token-bucket.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { stateOf } from '../fakes/late.ts'

const { signal } = new AbortController()

test('lets a burst through at once, then as many as flow in', async () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 10, 5)
  let passed = 0
  const run = async () => {
    for (;;) {
      await bucket.turn(signal)
      bucket.spend(1)
      passed++
    }
  }
  void run()
  await clock.advance(0)
  expect(passed).toBe(5)
  await clock.advance(10_000)
  expect(passed).toBeGreaterThanOrEqual(100)
  expect(passed).toBeLessThanOrEqual(106)
})

test('what was spent beyond the level is waited for by the next', async () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 10, 5)
  await bucket.turn(signal)
  bucket.spend(25)
  const next = stateOf(bucket.turn(signal))
  await clock.advance(1990)
  expect(next.state).toBe('pending')
  await clock.advance(15)
  expect(next.state).toBe('fulfilled')
})

test('a long quiet time does not save up more than the burst', async () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 10, 5)
  await clock.advance(3_600_000)
  bucket.spend(6)
  const next = stateOf(bucket.turn(signal))
  await settle()
  expect(next.state).toBe('pending')
})

test('is first come, first served', async () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 1, 1)
  bucket.spend(1)
  const order: string[] = []
  for (const name of ['first', 'second', 'third']) {
    void bucket.turn(signal).then(() => {
      order.push(name)
      bucket.spend(1)
    })
  }
  await clock.advance(10_000)
  expect(order).toEqual(['first', 'second', 'third'])
})

test('who gives up while waiting is told so and does not hold up the others', async () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 1, 1)
  bucket.spend(2)
  const impatient = new AbortController()
  const first = bucket.turn(impatient.signal)
  const second = stateOf(bucket.turn(signal))
  impatient.abort(new Error('no longer'))
  await expect(first).rejects.toThrow('no longer')
  await clock.advance(1100)
  expect(second.state).toBe('fulfilled')
})

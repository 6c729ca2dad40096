import { describe, expect, test } from 'vitest'
import { LookPlan } from '../../src/monitor/look-plan.ts'

/** Runs the plan over simulated time: hints at these times, each look taking so long. Gives the times of the looks. */
function looks(plan: LookPlan, hints: readonly number[], until: number, lookMs = 5): number[] {
  const made: number[] = []
  const left = [...hints]
  for (let now = 0; now <= until; now++) {
    while (left.length > 0 && left[0]! <= now) {
      left.shift()
      plan.hint(now)
    }
    if (plan.dueAt > now) continue
    made.push(now)
    plan.started(now)
    // Hints that come while it looks must not be lost.
    for (const end = now + lookMs; now < end; now++) {
      while (left.length > 0 && left[0]! <= now) {
        left.shift()
        plan.hint(now)
      }
    }
    plan.ended(now)
  }
  return made
}

describe('LookPlan', () => {
  test('nothing is due by itself', () => {
    expect(new LookPlan(0, true).dueAt).toBe(Infinity)
  })

  test('a hint after a quiet time is looked at soon, when all has settled, and when a slow disk has, too', () => {
    expect(looks(new LookPlan(0, true), [5000], 20_000)).toEqual([5020, 5150, 8000])
  })

  test('the first two looks after a hint are for what was told, the later ones and what was due anyway for everything', () => {
    const plan = new LookPlan(0, true)
    plan.dueBy(9000)
    plan.hint(0)
    expect([19, 20, 150, 2999, 3000].map((at) => plan.isForEventsOnly(at))).toEqual([false, true, true, true, false])
    plan.started(20, false)
    plan.ended(25)
    plan.settled()
    expect([plan.dueAt, plan.isForEventsOnly(9000)]).toEqual([9000, false])
    plan.hint(8990)
    expect(plan.isForEventsOnly(9010)).toBe(false)
    plan.started(9010)
    plan.ended(9015)
    plan.settled()
    expect(plan.dueAt).toBe(Infinity)
  })

  test('the least gap of an observation is kept', () => {
    const made = looks(new LookPlan(2000, true), [0, 10, 20, 500, 3000], 20_000)
    for (const [i, at] of made.slice(1).entries()) expect(at - made[i]!).toBeGreaterThanOrEqual(2000)
    expect(made[0]).toBe(20)
  })

  test('a storm is looked at ever more rarely, once a second at the end, and never later than that', () => {
    const made = looks(
      new LookPlan(0, true),
      Array.from({ length: 2000 }, (_, i) => i * 10),
      25_000,
    )
    const gaps = made.slice(1, -1).map((at, i) => at - made[i]!)
    expect(gaps.slice(0, 2).every((gap) => gap <= 400)).toBe(true)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1010)
    expect(gaps.slice(8, -2).every((gap) => gap >= 1000)).toBe(true)
    expect(made.length).toBeLessThanOrEqual(28)
  })

  test('what the last hint of a storm told is seen, 150 ms after it at the earliest', () => {
    for (const last of [990, 1234, 4321]) {
      const hints = Array.from({ length: Math.floor(last / 10) + 1 }, (_, i) => i * 10)
      const made = looks(new LookPlan(0, true), hints, 10_000)
      expect(made.find((at) => at >= hints.at(-1)! + 150)).toBeLessThanOrEqual(hints.at(-1)! + 1300)
      expect(made.at(-1)).toBeGreaterThanOrEqual(hints.at(-1)! + 3000)
    }
  })

  test('after a storm and a quiet time a hint is looked at soon again', () => {
    const storm = Array.from({ length: 500 }, (_, i) => i * 10)
    expect(looks(new LookPlan(0, true), [...storm, 15_000], 20_000)).toContain(15_020)
  })

  test('events that come one by one are followed closely for as long as they come', () => {
    const hints = Array.from({ length: 40 }, (_, i) => i * 1500)
    const made = looks(new LookPlan(0, true), hints, 70_000)
    for (const hint of hints) {
      expect(made).toContain(hint + 20)
      expect(made.some((at) => at >= hint + 150 && at <= hint + 160)).toBe(true)
    }
  })

  test('a slow guest is asked more rarely', () => {
    const made = looks(
      new LookPlan(0, true),
      Array.from({ length: 300 }, (_, i) => i * 100),
      40_000,
      3000,
    )
    const gaps = made.slice(1).map((at, i) => at - made[i]!)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3000 + 6000)
  })

  test('a time that is asked for holds, unless something is due before', () => {
    const plan = new LookPlan(0, true)
    plan.dueBy(9000)
    plan.dueBy(12_000)
    expect(plan.dueAt).toBe(9000)
    plan.hint(100)
    expect(plan.dueAt).toBe(120)
  })
})

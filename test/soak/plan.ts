import type { FaultName } from './faults.ts'

/** A fault to come: when, whom, how long, and a number in [0, 1) for what else is chosen. */
export interface Step {
  readonly atMs: number
  readonly fault: FaultName
  /** Whom, as a number of which the rest of a division counts. */
  readonly whom: number
  readonly forMs: number
  readonly extent: number
}

export interface PlanLimits {
  readonly seconds: number
  /** Faults that can be injected here. */
  readonly faults: readonly FaultName[]
  readonly longestMs: number
  /** Between the beginnings of two faults, on average. */
  readonly everyMs: number
}

/** Numbers in [0, 1) that are always the same for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The faults of one round, in order; every kind comes before any comes again. All are over within `seconds`. */
export function planRound(random: () => number, { seconds, faults, longestMs, everyMs }: PlanLimits): Step[] {
  const steps: Step[] = []
  let deck: FaultName[] = []
  for (let at = 0; at < seconds * 1000; at += everyMs * (0.5 + random())) {
    if (deck.length === 0) deck = shuffled(faults, random)
    const left = Math.max(seconds * 1000 - at, 500)
    const forMs = Math.round(Math.min(left, 300 + random() ** 2 * longestMs))
    steps.push({
      atMs: Math.round(at),
      fault: deck.pop()!,
      whom: Math.floor(random() * 2 ** 31),
      forMs,
      extent: random(),
    })
  }
  return steps
}

function shuffled<T>(all: readonly T[], random: () => number): T[] {
  const left = [...all]
  return all.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!)
}

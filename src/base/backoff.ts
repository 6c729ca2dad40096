/** A number in [0, 1), as Math.random. */
export type Random = () => number

export const systemRandom: Random = () => Math.random()

/**
 * Delays in milliseconds for one try after another: doubling from `firstMs` to `capMs`, each between 75 and 100 % of
 * its step so that many guests do not knock at the same moment. Never above `capMs`.
 */
export function* backoff(firstMs: number, capMs: number, random: Random): Generator<number, never> {
  for (let step = firstMs; ; step = Math.min(step * 2, capMs)) {
    yield Math.round(Math.min(step, capMs) * (0.75 + 0.25 * random()))
  }
}

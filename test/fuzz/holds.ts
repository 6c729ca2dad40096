import fc from 'fast-check'

/** What one property may be given besides fast-check's own. */
export interface Extent<Ts> {
  /** How many inputs are tried, where nobody asks for a time. */
  readonly numRuns?: number
  /** Inputs that are tried first: those that broke something once. */
  readonly examples?: readonly Ts[]
}

/**
 * Checks a property, as all property tests here do. The seed is that of this run of the tests, which prints it: with
 * `FUZZ_SEED=..` the same inputs come again. `FUZZ_MS=..` (`make fuzz`) gives each property that much time instead of
 * a number of runs. Throws, or rejects for asynchronous ones, with the smallest input that was found.
 */
export function holds<Ts>(property: fc.IAsyncProperty<Ts>, extent?: Extent<Ts>): Promise<void>
export function holds<Ts>(property: fc.IProperty<Ts>, extent?: Extent<Ts>): void
export function holds<Ts>(
  property: fc.IProperty<Ts> | fc.IAsyncProperty<Ts>,
  { numRuns, examples }: Extent<Ts> = {},
): Promise<void> | void {
  const { FUZZ_SEED: seed, FUZZ_MS: ms } = process.env
  const timed = { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: Number(ms), markInterruptAsFailure: false }
  return fc.assert<Ts>(property as fc.IProperty<Ts>, {
    ...(ms !== undefined ? timed : numRuns !== undefined && { numRuns }),
    ...(seed !== undefined && { seed: Number(seed) }),
    ...(examples !== undefined && { examples: [...examples] }),
  })
}

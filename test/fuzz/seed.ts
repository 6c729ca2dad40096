import { randomInt } from 'node:crypto'

/** One seed for all property tests of a run, said at its beginning; FUZZ_SEED=.. has them try the same inputs again. */
export function setup(): void {
  process.env['FUZZ_SEED'] ??= String(randomInt(2 ** 31))
  console.log(`property tests: FUZZ_SEED=${process.env['FUZZ_SEED']}`)
}

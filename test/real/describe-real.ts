import { describe, it } from 'vitest'
import { realParts, type RealPart } from './parts.ts'

/** Longer than a world of real parts is patient (real-world.ts), so that what is not there in time is told by name. */
const TIMEOUT_MS = 120_000

/**
 * `describe` for tests against real parts. Where a part is missing they are skipped with a line nobody overlooks; with
 * CI=true the missing part is a failed test instead.
 */
export function describeReal(name: string, needs: readonly RealPart[], body: () => void): void {
  const parts = realParts()
  const missing = needs.filter((part) => !parts[part])
  if (missing.length === 0) {
    describe(name, { timeout: TIMEOUT_MS }, body)
    return
  }
  const why = `needs real ${missing.join(', ')}: ${parts.reason ?? 'not available'}`
  if (process.env['CI'] === 'true') {
    describe(name, () => {
      it('runs where CI=true', () => {
        throw new Error(`${name} ${why}`)
      })
    })
    return
  }
  process.stderr.write(`\n*** NOT RUN: ${name}: ${why}\n\n`)
  describe.skip(name, body)
}

import { defineConfig } from 'vitest/config'

/** Checks of what `make pack` left in dist/packages; they need root, and are no part of `make test`. */
export default defineConfig({
  test: {
    include: ['test/package/**/*.check.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: 'forks',
    // Whoever runs them alone waits less; they need processors more than time.
    maxWorkers: 2,
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // One seed for all property tests, printed.
    globalSetup: ['test/fuzz/seed.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // More than there are processors here: most of the scenarios' time is waiting.
    maxWorkers: 3,
  },
})

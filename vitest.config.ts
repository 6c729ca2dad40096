import { defineConfig } from 'vitest/config'
import { WAITING, WaitingFirst } from './test/sequencer.ts'

const ALL = 'test/**/*.test.ts'

export default defineConfig({
  test: {
    // One seed for all property tests, printed.
    globalSetup: ['test/fuzz/seed.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // More than there are processors here: most of the scenarios' time is waiting.
    maxWorkers: 4,
    sequence: { sequencer: WaitingFirst },
    projects: [
      { extends: true, test: { name: 'whole', include: WAITING } },
      // Starting a process for each of so many files, with all it imports, would take longer than running them.
      { extends: true, test: { name: 'parts', include: [ALL], exclude: WAITING, isolate: false } },
    ],
  },
})

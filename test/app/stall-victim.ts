import { systemClock } from '../../src/base/clock.ts'
import { createLog } from '../../src/base/log.ts'
import { guardAgainstStalls } from '../../src/app/stall-guard.ts'

/** A process with a guard: `spin` makes its event loop stand still at the first line it reads, `idle` lets it be. */
const log = createLog('info', process.stdout)
guardAgainstStalls(2, { clock: systemClock, log }, new AbortController().signal)
process.stdout.write('ready\n')
process.stdin.once('data', () => {
  for (;;) if (process.argv[2] !== 'spin') return
})

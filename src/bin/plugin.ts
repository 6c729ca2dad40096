import { answer } from '../app/plugin/answer.ts'
import { configPath } from '../app/plugin/config-glance.ts'
import { methodResponse } from '../app/plugin/method-response.ts'
import { failureOf, type Outcome } from '../app/plugin/outcome.ts'
import { print } from '../app/plugin/print.ts'
import { systemClock } from '../base/clock.ts'

/** XAPI takes a failure for what it says only when the exit code is 0. */
function end(outcome: Outcome): void {
  print(methodResponse(outcome))
  process.exit(0)
}

process.removeAllListeners('warning')
process.on('uncaughtException', (error) => end(failureOf('', error)))
process.on('unhandledRejection', (error) => end(failureOf('', error)))

void answer(process.argv[2] ?? '', {
  clock: systemClock,
  configPath: configPath(process.env),
  uid: process.geteuid?.(),
  loadHere: () => import('../app/plugin/do-here.ts'),
  loadThere: () => import('../app/plugin/do-there.ts'),
}).then(end)

import { answer } from '../app/plugin/answer.ts'
import { methodResponse } from '../app/plugin/method-response.ts'
import { failureOf, type Outcome } from '../app/plugin/outcome.ts'
import { print } from '../app/plugin/print.ts'
import { systemClock } from '../base/clock.ts'

const DEFAULT_CONFIG_PATH = '/etc/xscontainer/xscontainer.toml'

/** XAPI takes a failure for what it says only when the exit code is 0. */
function end(outcome: Outcome): void {
  print(methodResponse(outcome))
  process.exit(0)
}

process.removeAllListeners('warning')
process.on('uncaughtException', (error) => end(failureOf('', error)))
process.on('unhandledRejection', (error) => end(failureOf('', error)))

const named = process.env['XSCONTAINER_CONFIG']
void answer(process.argv[2] ?? '', {
  clock: systemClock,
  config: { path: named ?? DEFAULT_CONFIG_PATH, mustExist: named !== undefined },
  loadSlowWays: () => import('../app/plugin/slow-ways.ts'),
}).then(end)
